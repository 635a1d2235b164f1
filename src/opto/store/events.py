"""What a journal holds: frozen events, each of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opto.errors import StoreError, nearest

__all__ = ["KINDS", "Claim", "Entry", "Event", "checked"]

KINDS = {
    "run": "a run began, went on, was forked or ended; `run` is its name",
    "step": "one turn of an optimizer or trainer",
    "request": "what a model is about to be asked; `key` names the question",
    "reply": "what it answered; `key` as of the request",
    "failure": "why it gave no answer; `key` as of the request",
    "evaluation": "how a candidate did; `key` names what was evaluated on what",
    "parameter": "a version of a parameter; `key` is its name",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to be written down.

    Args:
        kind: one of `KINDS`.
        data: a plain value: numbers, text, bytes, lists, tuples, dicts, sets, numpy arrays.
        key: what it is about, to be found again by.
        run: name of the run that it belongs to; empty for none.
    """

    kind: str
    data: Any
    key: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was written down, and stays.

    Args:
        seq: its place in the journal; a later event has a higher one.
        at: when it was written, in seconds since 1970 by this machine's clock.
        kind: one of `KINDS`, or a kind of a later version.
        key: what it is about.
        run: name of the run that it belongs to; empty for none.
        data: the value as it was stored: without secrets.
    """

    seq: int
    at: float
    kind: str
    key: str
    run: str
    data: Any


@dataclass(frozen=True, slots=True)
class Claim:
    """The announcement that somebody is working on something, so that others wait.

    Args:
        key: what is being worked on.
        owner: who works on it, see `opto.store.owner`.
    """

    key: str
    owner: str


def checked(entry: Entry) -> Entry:
    """The entry itself, if its kind is known.

    Raises:
        StoreError: the kind is not one of `KINDS`; the message has the nearest.
    """
    if entry.kind not in KINDS:
        raise StoreError(
            f"a journal has no events of the kind {entry.kind!r}{nearest(entry.kind, KINDS)}"
        )
    return entry
