"""One connection that threads take in turn, and that no fork inherits."""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Link"]


class Closable(Protocol):
    """What can be closed, as connections can."""

    def close(self) -> Any:
        """Give it back."""


C = TypeVar("C", bound=Closable)


class Link(Generic[C]):
    """A connection, opened when it is first needed.

    Threads queue at a lock, which is fair and wakes the next at once, where SQLite's own
    waiting polls and lets some threads starve.

    Args:
        connect: opens the connection; it may be used from any thread.
    """

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._connection: C | None = None
        self._lock = Lock()
        with _OPENING:
            _LINKS.add(self)

    @contextmanager
    def use(self) -> Iterator[C]:
        """The connection, for the caller alone."""
        connection = self._taken()
        try:
            yield connection
        finally:
            self._lock.release()

    def _taken(self) -> C:
        """The connection, open, with its lock held."""
        while True:
            self._lock.acquire()
            if self._connection is not None:
                return self._connection
            self._lock.release()
            # In this order, as a fork takes them; one may come in between, hence the loop.
            with _OPENING, self._lock:
                if self._connection is None:
                    self._connection = self._connect()

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # An object that failed in its constructor has none.
        if getattr(self, "_connection", None) is not None:
            self._drop()


# All there are in this process, because a fork copies them all. SQLite's locks belong to a
# process, but its notes of which ones it holds are copied: a child would go on without them, and
# lose what it writes. So nothing is open at the moment of a fork.
_LINKS: WeakSet[Link[Any]] = WeakSet()
_OPENING = Lock()
_HELD: list[Link[Any]] = []


def _before_fork() -> None:
    _OPENING.acquire()  # from here on, none is made or opened
    for link in list(_LINKS):
        link._lock.acquire()
        _HELD.append(link)
        link._drop()


def _after_fork() -> None:
    while _HELD:
        _HELD.pop()._lock.release()
    _OPENING.release()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
