"""The port that every backend of the record is behind."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from json import loads
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opto.errors import StoreError
from opto.llm.glance import is_suspect
from opto.llm.redact import redacted
from opto.store.events import Claim, Entry, Event, checked
from opto.store.text import text_of
from opto.trace.encoding import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

__all__ = ["Journal", "Row"]

PAGE = 500
_SURROGATE = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """An event as a backend stores it; `data` is JSON."""

    seq: int
    at: float
    kind: str
    key: str
    run: str
    data: str


class Journal(ABC):
    """An append-only record that many threads and processes share.

    When `append` returns, the event is stored, and every process sees it. Events
    are seen in the order of their `seq`: whoever has read up to one will find no
    lower one later. What is stored has no secrets in it (`opto.llm.redact`).

    A backend is a subclass with the methods that are abstract here; the contract tests in
    ``tests/store/contract.py`` hold what they promise.
    """

    def append(
        self,
        kind: str,
        data: Any,
        *,
        key: str = "",
        run: str = "",
        secrets: Iterable[str] = (),
        release: Claim | None = None,
    ) -> Event:
        """Write one event down.

        Args:
            kind: one of `opto.store.KINDS`.
            data: a plain value, see `opto.store.Entry`.
            key: what it is about, to be found again by.
            run: name of the run that it belongs to.
            secrets: texts that must not be stored, beside those of the environment.
            release: a claim that ends in the same moment.

        Returns:
            The event as it is stored: its data are without secrets.

        Raises:
            StoreError: the kind is unknown, a value has no exact form in JSON, or the
                record cannot be written.
        """
        entry = Entry(kind, data, key, run)
        return self.extend([entry], secrets=secrets, release=release)[0]

    def enter(
        self, entry: Entry, owner: str, seconds: float, *, secrets: Iterable[str] = ()
    ) -> bool:
        """Write a question down and claim it, in one, if it is open.

        Args:
            entry: the request; its key names the question.
            owner: who wants to ask it, see `opto.store.owner`.
            seconds: how long the claim holds, see `claim`.
            secrets: texts that must not be stored, beside those of the environment.

        Returns:
            Whether the owner is to ask it now; else it has a reply, or somebody else is
            asking it, and nothing was written.

        Raises:
            StoreError: see `append`.
        """
        _check_names(entry.key, entry.run)
        row, _ = _written(checked(entry), time(), tuple(secrets))
        return self._enter(row, Claim(row.key, owner), seconds)

    def extend(
        self,
        entries: Sequence[Entry],
        *,
        secrets: Iterable[str] = (),
        release: Claim | None = None,
    ) -> list[Event]:
        """Write several events down: all of them, or none if that fails."""
        secrets = tuple(secrets)
        for entry in entries:
            _check_names(entry.key, entry.run)
        at = time()
        written = [_written(entry, at, secrets) for entry in map(checked, entries)]
        places = self._insert([row for row, _ in written], release)
        return [
            Event(place, at, row.kind, row.key, row.run, value)
            for place, (row, value) in zip(places, written, strict=True)
        ]

    def events(
        self,
        *,
        run: str | None = None,
        kind: str | None = None,
        key: str | None = None,
        after: int = 0,
    ) -> Iterator[Event]:
        """The events so far, in their order; each argument leaves others out.

        Args:
            run: only those of this run; the empty text for those of none.
            kind: only those of this kind.
            key: only those about this.
            after: only those behind this place.

        Raises:
            StoreError: the record cannot be read.
        """
        _check_names(key, run)
        while page := self._page(run, kind, key, after, PAGE):
            yield from map(_event, page)
            after = page[-1].seq

    def find(self, kind: str, key: str, *, run: str | None = None) -> Event | None:
        """The first event of this kind about `key`; None where there is none.

        The first, because it stays the first: whoever asks later gets the same.
        """
        _check_names(key, run)
        page = self._page(run, kind, key, 0, 1)
        return _event(page[0]) if page else None

    def last(self, kind: str, key: str | None = None, *, run: str | None = None) -> Event | None:
        """The latest event of this kind; None where there is none."""
        _check_names(key, run)
        row = self._latest(run, kind, key)
        return _event(row) if row else None

    def _enter(self, row: Row, claim: Claim, seconds: float) -> bool:
        """Store a question that is open, with the claim on it."""
        if not self.claim(claim, seconds):
            return False
        # Whoever had the claim until now may have answered.
        if self._page(None, "reply", row.key, 0, 1):
            self.release(claim)
            return False
        self._insert([row], None)
        return True

    @abstractmethod
    def claim(self, claim: Claim, seconds: float) -> bool:
        """Try to take `claim.key`; at one time, at most one owner has it.

        Args:
            claim: what is to be claimed, by whom.
            seconds: how long the claim holds. It ends earlier when it is released, or
                when its owner's process has ended.

        Returns:
            Whether the owner has the claim now.
        """

    @abstractmethod
    def release(self, claim: Claim) -> None:
        """End a claim, if its owner still has it."""

    @abstractmethod
    def number(self, key: str) -> int:
        """The next number under this name: 0, 1, 2, ...; no thread or process gets one twice."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back; the next use opens them again."""

    @abstractmethod
    def _insert(self, rows: Sequence[Row], ended: Claim | None) -> list[int]:
        """Store the rows and end the claim, in one transaction; their places, in order."""

    @abstractmethod
    def _page(
        self, run: str | None, kind: str | None, key: str | None, after: int, limit: int
    ) -> list[Row]:
        """The first rows behind `after` that fit, at most `limit`, in order."""

    @abstractmethod
    def _latest(self, run: str | None, kind: str, key: str | None) -> Row | None:
        """The last row that fits."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _written(entry: Entry, at: float, secrets: Sequence[str]) -> tuple[Row, Any]:
    """An event as it is to be stored, and its value when it is read again."""
    data, key, run = entry.data, entry.key, entry.run
    where = f"{entry.kind} {key}".strip()
    text, value = text_of(data, where)
    if is_suspect(data, f"{text} {key} {run}", secrets):
        data, key, run = (redacted(part, secrets) for part in (data, key, run))
        text, value = text_of(data, where)
    return Row(0, at, entry.kind, key, run, text), value


def _check_names(*names: str | None) -> None:
    # Data may hold them, but no database takes them in a column of text.
    for name in names:
        if name and ("\0" in name or (not name.isascii() and _SURROGATE.search(name))):
            raise StoreError(
                f"the key or run {name!r} cannot be written down: it holds a zero character or "
                f"half of a surrogate pair; name it otherwise"
            )


def _event(row: Row) -> Event:
    try:
        data = decoded(loads(row.data), f"event {row.seq}")
    except ValueError as cause:
        if isinstance(cause, StoreError):
            raise
        raise StoreError(f"event {row.seq} of the journal is damaged: {cause}") from cause
    return Event(row.seq, row.at, row.kind, row.key, row.run, data)
