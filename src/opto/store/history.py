"""What answers have cost before, out of a journal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opto.store.codec import as_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.llm.types import Usage
    from opto.store.journal import Journal

__all__ = ["usages"]

# Providers answer a name with the version behind it: "gpt-4o" with "gpt-4o-2024-08-06".
VERSION = re.compile(r"-(\d{4}-?\d{2}-?\d{2}|\d{3,4}|latest)")


def usages(journal: Journal, run: str | None = None, model: str | None = None) -> Iterator[Usage]:
    """What each answer in a journal cost when it was given, for `opto.llm.estimate`.

    What was answered from a record is left out: it cost nothing, and the answer itself is
    there once. So is an answer whose tokens nobody counted.

    Args:
        journal: the journal.
        run: only answers of this run; None for all.
        model: only answers of this model, or of a dated version of it; None for all.

    Raises:
        StoreError: the journal cannot be read.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.llm import Reply, ScriptedLLM, Usage
        >>> from opto.store import Recorded
        >>> place = mkdtemp() + "/journal.sqlite"
        >>> asked = Recorded(ScriptedLLM([Reply("Hello", usage=Usage(9, 2))]), place)
        >>> _ = asked("Greet me.")
        >>> list(usages(asked.journal))
        [Usage(prompt_tokens=9, completion_tokens=2, cost_usd=None)]
        >>> asked.journal.close()
    """
    for event in journal.events(run=run, kind="reply"):
        reply = as_reply(event.data)
        counted = reply.usage.total_tokens and not reply.recalled
        if counted and (model is None or _is_of(reply.model, model)):
            yield reply.usage


def _is_of(answering: str | None, model: str) -> bool:
    if answering is None:
        return False
    # LiteLLM's names begin with a provider, and its answers' names may or may not.
    names = {model, model.partition("/")[2]} - {""}
    return any(
        answering == name
        or (answering.startswith(name) and VERSION.fullmatch(answering[len(name) :]))
        for name in names
    )
