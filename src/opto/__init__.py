"""Trace: an AutoDiff for AI programs.

Importing this package is free: it loads nothing. The rooms are `opto.trace`
(record), `opto.optimizers` (propose), `opto.llm` (ask) and `opto.store` (remember), whose
`run` stands here as well: ``with opto.run("name"):`` makes a program one that resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.version import __version__

if TYPE_CHECKING:
    from opto.store.run import run

__all__ = ["__version__", "run"]


def __getattr__(name: str) -> Any:
    if name != "run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # lazy: whoever imports `opto` for its tracer pays for no journal
    from opto.store.run import run

    return run
