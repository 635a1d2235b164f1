"""What foreign code asks of the host in one call: answered here, with plain data, and noted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.llm import Reply
from opto.sandbox.kinds import TOLD, awaits
from opto.trace.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.sandbox.task import SelfView

__all__ = ["Asked"]


class Asked:
    """The host's answers to one call.

    Attributes:
        nodes: those that functions of the host returned, in order.
        failure: the last error of one of them, or None.
    """

    def __init__(self) -> None:
        self.nodes: list[Node[Any]] = []
        self.failure: Exception | None = None

    def answering(
        self, host: Mapping[str, Callable[..., Any]], standins: Mapping[str, str]
    ) -> dict[str, Callable[..., Any]]:
        """The functions, each answering with plain data.

        Args:
            host: the functions by name.
            standins: what stands for what they return; see `opto.sandbox.kinds.standin_for`.
        """
        return {
            name: self._answering(
                function, self._told if standins.get(name) in TOLD else self._plain
            )
            for name, function in host.items()
        }

    def seen(self, view: SelfView, standins: Mapping[str, str]) -> SelfView:
        """The view of an object, whose methods answer with plain data."""
        return replace(view, host=self.answering(view.host, standins))

    def _answering(
        self, function: Callable[..., Any], plain: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        if awaits(function):

            async def answer_later(*args: Any, **kwargs: Any) -> Any:
                try:
                    return plain(await function(*args, **kwargs))
                except Exception as error:
                    self.failure = error
                    raise

            return answer_later

        def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                return plain(function(*args, **kwargs))
            except Exception as error:
                # The worker learns its class alone: the words may hold a key.
                self.failure = error
                raise

        return answer

    def _told(self, value: Any) -> tuple[str, Any]:
        """What stands for the value over there, and the value."""
        kind = next((k.__name__ for k in (Node, Reply) if isinstance(value, k)), "")
        return kind, self._plain(value)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Node):
            # It is an input of the result from now on; reading it needs no leave.
            self.nodes.append(value)
            return value._data
        return value.text if isinstance(value, Reply) else value
