"""Something that is made when it is first needed, and again when it has grown old."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Renewed"]

T = TypeVar("T")


class Renewed(Generic[T]):
    """Holds what `make` makes, from the first use on.

    Copies and pickles carry only how it is made, never what was made: that may
    hold connections and keys.

    Args:
        make: makes it.
        lifetime: seconds after which it is made again; None for never.

    Example:
        >>> box = Renewed(lambda: [])
        >>> box.get() is box.get()
        True
    """

    def __init__(self, make: Callable[[], T], lifetime: float | None = None) -> None:
        self.make = make
        self.lifetime = lifetime
        self._start()

    def _start(self) -> None:
        self._lock = Lock()
        self._made: tuple[float, T] | None = None

    def get(self) -> T:
        """The current one; threads that ask at the same time get the same."""
        with self._lock:
            if self._made is None or self._is_old(self._made[0]):
                self._made = (monotonic(), self.make())
            return self._made[1]

    def _is_old(self, born: float) -> bool:
        return self.lifetime is not None and monotonic() - born > self.lifetime

    def __getstate__(self) -> dict[str, Any]:
        return {"make": self.make, "lifetime": self.lifetime}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
