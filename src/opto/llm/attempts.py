"""Layers that each attempt at a request goes through, not only the first of them."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.llm.failures import Failure
from opto.llm.layer import Layer
from opto.llm.port import LLM
from opto.llm.retry import Retry

if TYPE_CHECKING:
    from opto.llm.types import Reply, Request

__all__ = ["PerAttempt", "as_sent"]


class PerAttempt(Layer):
    """A layer that takes the retries of its source upon itself.

    What limits or counts calls must see each of them: a request that was tried three
    times was sent three times. So the layer asks a copy of the source that does not
    try again, and tries again itself, by the source's own `Retry`. Layers of this
    kind stand on each other in any order; the outermost tries again.

    A layer of your own has one method, `attempt`.

    Args:
        source: the model, or another layer.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> class Counted(PerAttempt):
        ...     count = 0
        ...     def attempt(self, request):
        ...         self.count += 1
        ...         return self.source.answer(request)
        >>> model = Counted(ScriptedLLM(["Hello"]))
        >>> model("Greet me.").text, model.count
        ('Hello', 1)
    """

    def __init__(self, source: LLM) -> None:
        retry = getattr(source, "retry", None)
        self.retry: Retry = retry if isinstance(retry, Retry) else Retry(max_retries=0)
        super().__init__(_once(source) if self.retry.max_retries else source)

    def answer(self, request: Request) -> Reply:
        """Answer one request, in as many attempts as the source would have made.

        Raises:
            ModelError: the model did not answer, or may not be asked.
        """
        if not self.retry.max_retries:
            return self.attempt(request)
        return self.retry.run(
            lambda: self.attempt(request),
            judge=Failure.behind,
            who=_name(self.source),
            live=request.live,
        )

    @abstractmethod
    def attempt(self, request: Request) -> Reply:
        """Ask the source once."""


def as_sent(llm: LLM, request: Request) -> Request:
    """The request with what the model behind all layers adds to it, such as its name.

    Example:
        >>> from opto.llm import OpenAILLM, Request
        >>> as_sent(OpenAILLM("tiny", max_tokens=9), Request.of("hi")).arguments()["max_tokens"]
        9
    """
    model = _behind(llm)
    request = request.over(getattr(model, "defaults", None) or {})
    request = request.over({"model": getattr(model, "model_name", None)})
    longest = getattr(model, "max_tokens", None)  # the local model's own ceiling
    if not isinstance(longest, int):
        return request
    return replace(request, max_tokens=min(longest, request.max_tokens or longest))


def _behind(llm: LLM) -> LLM:
    source: Any = getattr(llm, "source", None)
    return _behind(source) if isinstance(source, LLM) else llm


def _once(llm: LLM) -> LLM:
    single: Any = copy(llm)
    single.retry = Retry(max_retries=0)
    return single  # type: ignore[no-any-return]


def _name(llm: LLM) -> str:
    model = _behind(llm)
    name = getattr(model, "model_name", None)
    return type(model).__name__ + (f" {name!r}" if name else "")
