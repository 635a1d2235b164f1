"""A layer that asks a model no faster than its governor allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opto.llm.attempts import PerAttempt, as_sent
from opto.llm.signals import Signals
from opto.llm.tokens import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.llm.governor import Governor
    from opto.llm.port import LLM
    from opto.llm.types import Reply, Request

__all__ = ["Governed"]


class Governed(PerAttempt):
    """A model that waits for its turn before each attempt, retries included.

    Args:
        source: the model, or another layer.
        governor: how fast it may be asked; many models may share one, and should where
            they share a key.

    Example:
        >>> from opto.llm import Governor, ScriptedLLM
        >>> model = Governed(ScriptedLLM(["Hello"]), Governor(requests_per_minute=600))
        >>> model("Greet me.").text
        'Hello'
    """

    def __init__(self, source: LLM, governor: Governor) -> None:
        super().__init__(source)
        self.governor = governor

    def _beside(self) -> Iterator[object]:
        yield self.governor

    def attempt(self, request: Request) -> Reply:
        """Ask the source once, when it is time.

        Raises:
            ModelError: the source did not answer.
        """
        with self.governor.turn(lambda: self._tokens(request), request.live) as turn:
            try:
                reply = self.source.answer(request)
            except Exception as error:
                turn.signals = Signals.of_error(error)
                # Nobody says what a failed call counts as; providers refuse before they count.
                turn.used = 0 if turn.signals.refused else None
                raise
            turn.signals = Signals.of_reply(reply)
            turn.used = 0 if reply.recalled else reply.usage.total_tokens or None
            return reply

    def _tokens(self, request: Request) -> int:
        sent = as_sent(self.source, request)
        return count(sent).tokens + (sent.max_tokens or 0)
