"""How often each question has been asked: what tells equal ones apart."""

from __future__ import annotations

import os
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from opto.store.journal import Journal

__all__ = ["Numbers"]


class Numbers:
    """Counts names, from 0 on: in memory, and in the journal once other processes count too.

    A fork, and a copy that goes to another process, make it shared: from then on all of
    them go on from where it was, and none gets a number twice.

    Args:
        journal: where processes count together.
        prefix: stands before every name there.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.store import SQLiteJournal
        >>> numbers = Numbers(SQLiteJournal(mkdtemp() + "/journal.sqlite"), "run/1")
        >>> numbers.next("a"), numbers.next("a"), numbers.next("b")
        (0, 1, 0)
    """

    def __init__(self, journal: Journal, prefix: str) -> None:
        self.journal = journal
        self.prefix = prefix
        self._counted: Counter[str] = Counter()
        self._shared = False
        self._start()

    def _start(self) -> None:
        self._lock = Lock()
        with _MAKING:
            _ALL.add(self)

    def next(self, name: str) -> int:
        """How often `name` was counted before."""
        with self._lock:
            before = self._counted[name]
            if not self._shared:
                self._counted[name] = before + 1
                return before
        return before + self.journal.number(f"{self.prefix}/{name}")

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            self._shared = True
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()


# All there are in this process, because a fork makes them shared.
_ALL: WeakSet[Numbers] = WeakSet()
_MAKING = Lock()
_HELD: list[Numbers] = []


def _before_fork() -> None:
    _MAKING.acquire()
    for numbers in list(_ALL):
        numbers._lock.acquire()
        numbers._shared = True
        _HELD.append(numbers)


def _after_fork() -> None:
    while _HELD:
        _HELD.pop()._lock.release()
    _MAKING.release()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
