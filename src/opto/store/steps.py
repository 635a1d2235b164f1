"""What a step of an optimizer leaves in the record: what it changed, and what it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.llm.redact import redacted
from opto.store.events import Entry
from opto.store.plain import plain
from opto.trace.encoding import decoded, encoded

if TYPE_CHECKING:
    from opto.store.events import Event

__all__ = ["entries_of", "tells_the_same"]


def entries_of(update: Any, step: int, run: str) -> list[Entry]:
    """The events of one step: a version of each parameter that changed, then the step.

    Args:
        update: the `Update` that was made.
        step: its number in the run; the first is 1.
        run: the run.
    """
    changes = {change.parameter.py_name: _stored(change.after) for change in update.changes}
    versions = [
        Entry("parameter", {"step": step, "value": value}, name, run)
        for name, value in changes.items()
    ]
    refused = [[refusal.name, refusal.why] for refusal in update.refused]
    said = {"step": step, "changes": changes, "refused": refused}
    return [*versions, Entry("step", said, str(step), run)]


def tells_the_same(event: Event, entry: Entry) -> bool:
    """Whether a step went as it went before."""
    return bool(encoded(event.data, "step") == encoded(redacted(entry.data), "step"))


def _stored(value: Any) -> Any:
    """The value itself where a journal can hold it, else what it looks like."""
    try:
        return decoded(encoded(value, "it"), "it")
    except StoreError:
        return plain(value)
