"""Remember: an append-only, durable record of runs, steps, requests, replies and scores.

A `Journal` is what backends of the record are behind: `SQLiteJournal` keeps it in one
file, `PostgresJournal` in a server. `Recorded` is the layer around a model that writes
everything down before it is used, and answers from the record what is in it:
``LLM(cache=True)``. `run`, also to be had as ``opto.run``, lets a program that was stopped go on
from its record. Nothing that is stored runs when it is read, and no key is in it.
"""

from opto.store.codec import as_reply, as_request
from opto.store.events import KINDS, Claim, Entry, Event
from opto.store.history import usages
from opto.store.journal import Journal
from opto.store.opening import default_place, open_journal
from opto.store.postgres import PostgresJournal
from opto.store.recorded import Recorded
from opto.store.run import Run, run
from opto.store.runs import RunRecord, runs
from opto.store.sqlite import SQLiteJournal

__all__ = [
    "KINDS",
    "Claim",
    "Entry",
    "Event",
    "Journal",
    "PostgresJournal",
    "Recorded",
    "Run",
    "RunRecord",
    "SQLiteJournal",
    "as_reply",
    "as_request",
    "default_place",
    "open_journal",
    "run",
    "runs",
    "usages",
]
