"""What a run knows: its own record, and of the runs it was forked from what came before."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import opto.errors as ours
from opto.errors import StoreError, nearest
from opto.store.codec import as_reply

if TYPE_CHECKING:
    from opto.llm.types import Reply, Request
    from opto.store.events import Event
    from opto.store.journal import Journal

__all__ = ["Fork", "Lineage"]

# A failure of these kinds may be gone when the program is run again: a package is installed
# by then, a budget raised.
PASSING = frozenset({"ModelMissing", "BudgetExceeded"})


class Fork(NamedTuple):
    """Where a run parts from another: what that one knew up to a place in the journal."""

    name: str
    until: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """The record of a run, and of those before it.

    Args:
        journal: where the record is.
        name: the run.
        until: the last place in the journal that counts; None for all there is and will be.
        before: what it was forked from; None if it was not.
        failed: whether there were failures in it when it was looked at. Those of later on
            are of no concern: no question is looked up twice.
    """

    journal: Journal
    name: str
    until: int | None = None
    before: Lineage | None = None
    failed: bool = True

    @classmethod
    def of(cls, journal: Journal, name: str, until: int | None = None) -> Lineage:
        """The lineage of a run that has begun.

        Raises:
            StoreError: there is no such run.
        """
        begun = journal.find("run", "begin", run=name)
        if begun is None:
            known = {event.run for event in journal.events(kind="run", key="begin")}
            raise StoreError(f"there is no run {name!r} in {journal!r}{nearest(name, known)}")
        fork = begun.data["fork"]
        before = None if fork is None else cls.of(journal, *fork)
        failed = journal.last("failure", run=name) is not None
        return cls(journal, name, until, before, failed)

    def answer(self, key: str, request: Request) -> Reply | None:
        """What came of a question; None for one that is to be asked.

        Raises:
            ModelError: it failed, and the program went on from there.
        """
        for lineage in self._line():
            event = lineage._latest("reply", key)
            if event is not None:
                return as_reply(event.data, request.digest)
        for lineage in self._line():
            event = lineage._latest("failure", key) if lineage.failed else None
            if event is not None and not lineage._was_stopped_after(event):
                _raise_again(event.data)
        return None

    def cut(self, step: int | None) -> Fork:
        """Where a fork begins that has the first `step` steps in common; None for all.

        It may be in a run that this one was forked from.

        Raises:
            StoreError: the run has fewer steps.
        """
        if step is None:
            return Fork(self.name, max(event.seq for event in self.journal.events(run=self.name)))
        oldest_first = self._line()[::-1]
        if step == 0:
            return Fork(oldest_first[0].name, 0)
        for lineage in oldest_first:
            event = lineage._latest("step", str(step))
            if event is not None:
                return Fork(lineage.name, event.seq)
        done = [e.data["step"] for e in self.journal.events(run=self.name, kind="step")]
        raise StoreError(
            f"the run {self.name!r} has not come to step {step}; its last one is "
            f"{max(done, default=0)}"
        )

    def _line(self) -> list[Lineage]:
        return [self, *(self.before._line() if self.before else [])]

    def _latest(self, kind: str, key: str) -> Event | None:
        """The latest event of this run that counts."""
        if self.until is None:
            return self.journal.last(kind, key, run=self.name)
        found = self.journal.events(run=self.name, kind=kind, key=key)
        return max((e for e in found if e.seq <= self.until), key=lambda e: e.seq, default=None)

    def _was_stopped_after(self, event: Event) -> bool:
        """Whether the program ended by an exception since: perhaps by this very one."""
        ends = self.journal.events(run=self.name, kind="run", key="end", after=event.seq)
        within = (end for end in ends if self.until is None or end.seq <= self.until)
        return any(end.data["how"] != "finished" for end in within)


def _raise_again(said: Any) -> None:
    name = said["error"]
    kind = getattr(ours, name, None) or getattr(builtins, name, None)
    # A class of somebody's cannot be made from its name: that question is asked again.
    if name in PASSING or not (isinstance(kind, type) and issubclass(kind, Exception)):
        return
    try:
        error = kind(said["message"])
    except TypeError:  # nor can one that wants more than a message
        return
    raise error
