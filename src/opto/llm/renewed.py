"""Something that is made when it is first needed, and again when it has grown old."""

from __future__ import annotations

from os import getpid
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
        per_process: whether a fork makes its own, as what is bound to an event loop needs.

    Example:
        >>> box = Renewed(lambda: [])
        >>> box.get() is box.get()
        True
    """

    def __init__(
        self,
        make: Callable[[], T],
        lifetime: float | None = None,
        *,
        per_process: bool = False,
    ) -> None:
        self.make = make
        self.lifetime = lifetime
        self.per_process = per_process
        self._start()

    def _start(self) -> None:
        # By process: in a fork, the lock may be one that a thread of the parent holds.
        self._locks: dict[int, Lock] = {}
        self._made: tuple[float, int, T] | None = None

    def get(self) -> T:
        """The current one; threads that ask at the same time get the same."""
        process = getpid()
        with self._locks.setdefault(process, Lock()):
            if self._made is None or self._is_old(self._made[0], self._made[1] != process):
                self._made = (monotonic(), process, self.make())
            return self._made[2]

    def _is_old(self, born: float, elsewhere: bool) -> bool:
        if self.per_process and elsewhere:
            return True
        return self.lifetime is not None and monotonic() - born > self.lifetime

    def __getstate__(self) -> dict[str, Any]:
        return {"make": self.make, "lifetime": self.lifetime, "per_process": self.per_process}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
