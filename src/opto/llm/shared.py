"""A few numbers that threads and processes of one machine change together.

They lie in one SQLite file, where each change is a transaction: a process that is killed in
it leaves nothing half done, and no lock. Those of one process alone need no file.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any

from opto._link import Link
from opto.errors import ArgumentError, StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from os import PathLike

    from typing_extensions import Self

    from opto.llm.live import Live

__all__ = ["InMemory", "Line", "Shared", "as_given", "is_running"]

# Seconds to wait for other processes; a transaction takes less than a millisecond.
PATIENCE = 60.0
# Seconds between two looks of one who waits in a line, whether he still wants to.
GLANCE = 0.1


class Shared:
    """Numbers in one file; without one, the lock of those in the memory of a process.

    A copy is the same: `copy` and `deepcopy` give the object itself, and a pickle
    opens the same file again.

    Args:
        path: the SQLite file, made if it is not there; None for none.
        schema: the statements that make its tables where they are not there.
        outlives_power: whether the file is whole after a power cut; what was written last may
            be lost in one. Either way it outlives any process that is killed. Without it,
            no transaction ever waits for the disk.

    Example:
        >>> from tempfile import mkdtemp
        >>> numbers = Shared(mkdtemp() + "/n.db", "CREATE TABLE IF NOT EXISTS n (x INTEGER)")
        >>> with numbers.transaction() as db:
        ...     _ = db.execute("INSERT INTO n VALUES (7)")
        >>> with numbers.transaction() as db:
        ...     db.execute("SELECT x FROM n").fetchone()
        (7,)
    """

    def __init__(
        self, path: str | PathLike[str] | None, schema: str, *, outlives_power: bool = True
    ) -> None:
        self.path = None if path is None else Path(path).absolute()
        self.schema = schema
        self.outlives_power = outlives_power
        self._link = Link(self._connect)
        # What threads wait at is of one process, a forked one too; so is what is in memory.
        self._of_process: dict[int, _Mine] = {os.getpid(): _Mine()}

    def alone(self) -> Condition:
        """What lets in one thread of this process at a time, in a ``with`` statement.

        Raises:
            ArgumentError: this is another process, and there is no file.
        """
        return self._mine().changed

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are all made at the end, or none of them.

        Raises:
            StoreError: the file cannot be used.
        """
        with self._mine().changed, self._link.use() as connection:
            try:
                with self._explained():
                    connection.execute("BEGIN IMMEDIATE")
                yield connection
                with self._explained():
                    connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite ends it itself where the disk is full
                    connection.execute("ROLLBACK")
                raise

    @property
    def line(self) -> Line:
        """Where the threads of this process wait for each other."""
        return self._mine().line

    def wait(self, seconds: float) -> None:
        """Wait for `announce` in this process, at most `seconds`."""
        changed = self._mine().changed
        with changed:
            changed.wait(seconds)

    def announce(self) -> None:
        """Wake up who waits in this process; in others they look again by themselves."""
        changed = self._mine().changed
        with changed:
            changed.notify_all()

    def _mine(self) -> _Mine:
        mine = self._of_process.get(os.getpid())
        if mine is not None:
            return mine
        if self.path is None:
            raise ArgumentError(
                "a budget or governor without `path` is of one process, and this is another "
                "one; give path=... so that all processes share one file"
            )
        # Two threads may come here at once; `setdefault` lets both have the first one's.
        return self._of_process.setdefault(os.getpid(), _Mine())

    def _connect(self) -> sqlite3.Connection:
        import sqlite3  # lazy: 5 ms that a program without a budget need not pay

        with self._explained():
            connection = sqlite3.connect(
                str(self.path),
                timeout=PATIENCE,
                isolation_level=None,
                check_same_thread=False,  # `changed` lets one thread in at a time
            )
            _retried(lambda: connection.execute("PRAGMA journal_mode=WAL"))
            how = "NORMAL" if self.outlives_power else "OFF"
            connection.execute(f"PRAGMA synchronous={how}")
            connection.execute("BEGIN IMMEDIATE")
            for statement in self.schema.split(";"):
                connection.execute(statement)
            connection.execute("COMMIT")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import sqlite3  # lazy: as in `_connect`

        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path} cannot be used as a shared file ({error}); it must be a SQLite "
                f"file that a budget or governor made, on a disk of this machine"
            ) from error

    def __copy__(self) -> Shared:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Shared:
        return self

    def __reduce__(self) -> tuple[Callable[..., Shared], tuple[Path, str, bool]]:
        if self.path is None:
            raise ArgumentError(
                "a budget or governor without `path` is of this process and does not travel to "
                "another one; give path=... so that all processes share one file"
            )
        return _opened, (self.path, self.schema, self.outlives_power)


class InMemory:
    """Values of one process behind the lock of a `Shared`: a copy is the same object."""

    shared: Shared

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.shared.__reduce__()  # which says why it does not travel


class Line:
    """Threads in a line: the first one is in, and the others follow in the order of coming.

    A `Lock` would do, but it lets in whom it likes.

    Example:
        >>> line = Line()
        >>> with line.first():
        ...     "in"
        'in'
    """

    def __init__(self) -> None:
        self._door = Lock()
        self._gates: deque[Lock] = deque()

    @property
    def is_waited_in(self) -> bool:
        """Whether somebody is first, or waits to be."""
        return bool(self._gates)

    @contextmanager
    def first(self, live: Live | None = None) -> Iterator[None]:
        """Wait to be the first, and stay it.

        Args:
            live: what accompanies what is waited for; when it is cancelled, waiting ends.

        Raises:
            asyncio.CancelledError: nobody waits any more.
        """
        gate = Lock()
        with self._door:
            if self._gates:
                gate.acquire()
            self._gates.append(gate)
        try:
            _enter(gate, live)
            yield
        finally:
            self._leave(gate)

    def _leave(self, gate: Lock) -> None:
        with self._door:
            was_first = self._gates[0] is gate
            self._gates.remove(gate)
            if was_first and self._gates:
                self._gates[0].release()


def _enter(gate: Lock, live: Live | None) -> None:
    if live is None:
        gate.acquire()
        return
    live.check()
    while not gate.acquire(timeout=GLANCE):
        live.check()


class _Mine:
    """What one process has of it: where its threads wait."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.line = Line()


def _opened(path: Path, schema: str, outlives_power: bool) -> Shared:
    return Shared(path, schema, outlives_power=outlives_power)


def as_given(made: Any) -> str:
    """The repr of a frozen dataclass with the fields that are not as they are by default."""
    given = [
        f"{f.name}={getattr(made, f.name)!r}"
        for f in fields(made)
        if f.repr and getattr(made, f.name) != f.default
    ]
    return f"{type(made).__name__}({', '.join(given)})"


def is_running(process: int) -> bool:
    """Whether a process of this number is there; on Windows, where asking kills, False."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _retried(change: Callable[[], object]) -> None:
    """Switch the mode of a file that others open at this moment; SQLite does not wait there."""
    import sqlite3  # lazy: as in `_connect`
    from time import monotonic, sleep  # lazy: beside SQLite

    start = monotonic()
    while True:
        try:
            change()
        except sqlite3.OperationalError:
            if monotonic() - start > PATIENCE:
                raise
            sleep(0.01)
        else:
            return
