"""The runs of a journal, each folded into what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opto.llm.types import Usage
from opto.store.opening import open_journal

if TYPE_CHECKING:
    from os import PathLike

    from opto.store.events import Event
    from opto.store.journal import Journal

__all__ = ["RunRecord", "as_table", "runs"]

NOTHING = Usage(cost_usd=0.0)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a journal knows of a run.

    Args:
        name: the name.
        began: when it was first begun, in seconds since 1970.
        attempts: how many times its script was begun.
        state: how the last attempt ended: "finished", "failed", "interrupted", or "open"
            where it has not: it goes on now, or was killed.
        fork: what it was forked from, and after which step; None if it was not.
        steps: steps of optimizers.
        replies: answers that were written down.
        failures: questions that failed.
        usage: what the answers cost together; its money is None where a part is unknown.
    """

    name: str
    began: float
    attempts: int = 0
    state: str = "open"
    fork: tuple[str, int | None] | None = None
    steps: int = 0
    replies: int = 0
    failures: int = 0
    usage: Usage = NOTHING


def runs(where: Journal | str | PathLike[str] | None = None) -> tuple[RunRecord, ...]:
    """The runs of a journal, the oldest first.

    Args:
        where: the journal, or its path; None for the default one.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.llm import ScriptedLLM
        >>> from opto.store import run
        >>> with run("greeting", journal=mkdtemp() + "/journal.sqlite") as greeting:
        ...     _ = ScriptedLLM(["Hello"])("Greet me.")
        >>> [(r.name, r.state, r.replies) for r in runs(greeting.journal)]
        [('greeting', 'finished', 1)]
        >>> greeting.journal.close()
    """
    found: dict[str, RunRecord] = {}
    for event in open_journal(where).events():
        if event.kind == "run" or event.run in found:
            known = found.get(event.run) or RunRecord(event.run, event.at)
            found[event.run] = FOLDS.get(event.kind, _unchanged)(known, event)
    return tuple(found.values())


def _unchanged(record: RunRecord, _event: Event) -> RunRecord:
    return record


def _with_run(record: RunRecord, event: Event) -> RunRecord:
    said = event.data
    if event.key == "end":
        return replace(record, state=said["how"])
    fork = tuple(said["of"]) if said["of"] else None
    return replace(record, attempts=said["attempt"], fork=fork, state="open")


def _with_step(record: RunRecord, event: Event) -> RunRecord:
    return replace(record, steps=max(record.steps, event.data["step"]))


def _with_reply(record: RunRecord, event: Event) -> RunRecord:
    spent = NOTHING if event.data["recalled"] else Usage(*event.data["usage"])
    return replace(record, replies=record.replies + 1, usage=record.usage + spent)


def _with_failure(record: RunRecord, _event: Event) -> RunRecord:
    return replace(record, failures=record.failures + 1)


FOLDS: dict[str, Any] = {
    "run": _with_run,
    "step": _with_step,
    "reply": _with_reply,
    "failure": _with_failure,
}


def as_table(records: tuple[RunRecord, ...]) -> str:
    """The runs as lines for a terminal."""
    rows = [COLUMNS, *map(_row, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


COLUMNS = ("run", "began", "state", "attempts", "steps", "answers", "failed", "tokens", "cost")


def _row(record: RunRecord) -> tuple[str, ...]:
    usd = record.usage.cost_usd
    began = datetime.fromtimestamp(record.began, timezone.utc)
    return (
        record.name,
        f"{began:%Y-%m-%d %H:%M} UTC",
        record.state,
        str(record.attempts),
        str(record.steps),
        str(record.replies),
        str(record.failures),
        str(record.usage.total_tokens),
        "unknown" if usd is None else f"${usd:.4f}",
    )
