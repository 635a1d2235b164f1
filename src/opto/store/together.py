"""What many threads have to do with one connection, done by one of them for all who wait."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opto._link import Link

__all__ = ["Together"]

C = TypeVar("C", bound=Any)
T = TypeVar("T")
R = TypeVar("R")

# Items that are done in one go at most: a long queue shall not become a long statement.
MOST = 32


class Together(Generic[C, T, R]):
    """Threads that come while another one is at work wait, and then one works for them all.

    A transaction costs about the same for one row as for ten, and each time that a thread
    gives up the interpreter's lock it has to queue for it again: so the more threads there
    are, the less each of them pays.

    Args:
        link: the connection.
        work: does it for all items, or raises and has done nothing.
        alone: what `work` raises when one of the items may be to blame, so that each is then
            tried by itself; whatever else it raises is every item's.

    Example:
        >>> from io import StringIO
        >>> from opto._link import Link
        >>> def write(file, items):
        ...     return [file.write(item) for item in items]
        >>> Together(Link(StringIO), write).done("four")
        4
    """

    def __init__(
        self,
        link: Link[C],
        work: Callable[[C, Sequence[T]], Sequence[R]],
        alone: tuple[type[Exception], ...] = (),
    ) -> None:
        self._link = link
        self._work = work
        self._alone = alone
        self._waiting: deque[_Job[T, R]] = deque()

    def done(self, item: T) -> R:
        """What came of an item, once it is done, by whichever thread.

        Raises:
            Exception: what the work raised.
        """
        job: _Job[T, R] = _Job(item)
        self._waiting.append(job)
        try:
            with self._link.use() as connection:
                while not job.is_done:
                    self._go(connection)
        except BaseException:
            # Nobody waits for it any more.
            if job in self._waiting:
                self._waiting.remove(job)
            raise
        if job.error is not None:
            raise job.error
        return job.outcome

    def _go(self, connection: C) -> None:
        """Do what is waited for; the caller has the connection for itself."""
        waiting = self._waiting
        jobs = [waiting.popleft() for _ in range(min(len(waiting), MOST))]
        # A fork has the jobs of its parent's threads, but not the threads.
        jobs = [job for job in jobs if job.process == os.getpid()]
        try:
            self._do(connection, jobs)
        finally:
            # The thread was interrupted: what others wait for is still to be done.
            waiting.extendleft(job for job in reversed(jobs) if not job.is_done)

    def _do(self, connection: C, jobs: Sequence[_Job[T, R]]) -> None:
        try:
            outcomes = self._work(connection, [job.item for job in jobs])
        except Exception as error:  # noqa: BLE001 - raised in each thread that waits for it
            if len(jobs) > 1 and isinstance(error, self._alone):
                for job in jobs:
                    self._do(connection, [job])
                return
            for job in jobs:
                # One each: raised in two threads, one would mix up their tracebacks.
                job.fail(error if len(jobs) == 1 else type(error)(*error.args))
        else:
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.succeed(outcome)


class _Job(Generic[T, R]):
    """An item, and what came of it."""

    __slots__ = ("error", "is_done", "item", "outcome", "process")

    outcome: R

    def __init__(self, item: T) -> None:
        self.item = item
        self.process = os.getpid()
        self.error: Exception | None = None
        self.is_done = False

    def succeed(self, outcome: R) -> None:
        self.outcome = outcome
        self.is_done = True

    def fail(self, error: Exception) -> None:
        self.error = error
        self.is_done = True
