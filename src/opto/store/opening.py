"""Which journal is meant: a path, a journal, or the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from opto.llm.local.cache import cache_folder
from opto.store.journal import Journal
from opto.store.sqlite import SQLiteJournal

__all__ = ["default_path", "open_journal"]

VARIABLE = "OPTO_STORE"


def default_path() -> Path:
    """The journal of whoever names none: `OPTO_STORE`, or a file in the user's cache.

    Example:
        >>> os.environ["OPTO_STORE"] = "/tmp/mine.sqlite"
        >>> default_path().as_posix()
        '/tmp/mine.sqlite'
        >>> del os.environ["OPTO_STORE"]
    """
    if own := os.environ.get(VARIABLE):
        return Path(own).expanduser()
    return cache_folder() / "journal.sqlite"


def open_journal(where: Journal | str | os.PathLike[str] | None = None) -> Journal:
    """A journal from what names it.

    Args:
        where: a journal is returned as it is; a path is that of a file; None is `default_path`.

    Raises:
        StoreError: the file cannot be used as a journal; the message says what to do.

    Example:
        >>> from tempfile import mkdtemp
        >>> with open_journal(mkdtemp() + "/journal.sqlite") as journal:
        ...     [event.kind for event in journal.events()]
        []
    """
    if isinstance(where, Journal):
        return where
    return SQLiteJournal(default_path() if where is None else where)
