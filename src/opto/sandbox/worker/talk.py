"""The child's side of calls to the host: a stub for each function that was granted."""

from __future__ import annotations

import builtins
from threading import Lock
from typing import TYPE_CHECKING, Any

from . import codec, frames
from .bits import TooLarge, Unsendable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Talk"]

BACK = codec.Limits(256 << 20, 4 << 30)


class Talk:
    """Asks the host for calls, one after another.

    Args:
        end: the way to it.
        most: bytes that the arguments of one call may be.
    """

    def __init__(self, end: frames.End, most: int) -> None:
        self.end, self._limits, self._turn = end, codec.Limits.of(most), Lock()

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], plain: Any) -> Any:
        """What the host's function returns.

        Raises:
            Exception: it raised; the class is the one it raised, if that is a builtin's.
        """
        try:
            body = codec.pieces((name, args, kwargs), self._limits, plain)
        except Unsendable as error:
            raise TypeError(f"{name}() is called with {error}") from None
        except TooLarge as error:
            raise ValueError(f"{name}() is called with too much: {error}") from None
        with self._turn:
            frames.send(self.end, frames.CALL, *body)
            kind, back = frames.receive(self.end)
        value = codec.decode(back, BACK)
        if kind == frames.RESULT:
            return value
        raise _failure(name, value)

    def stub(self, name: str, *, awaited: bool, plain: Any) -> Callable[..., Any]:
        """A function that stands for one of the host's."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.call(name, args, kwargs, plain)

        async def call_awaited(*args: Any, **kwargs: Any) -> Any:
            return self.call(name, args, kwargs, plain)

        stub = call_awaited if awaited else call
        stub.__name__ = stub.__qualname__ = name
        return stub


def _failure(name: str, error: str) -> Exception:
    said = f"{name}() failed in the host: {error}"
    kind = getattr(builtins, error, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(said)
        except TypeError:  # such as UnicodeDecodeError, which wants five arguments
            pass
    return RuntimeError(said)
