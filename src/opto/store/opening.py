"""Which journal is meant: a path, a journal, or the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from opto.errors import StoreError
from opto.llm.local.cache import cache_folder
from opto.store.journal import Journal
from opto.store.postgres import PostgresJournal
from opto.store.sqlite import SQLiteJournal

__all__ = ["default_place", "open_journal"]

VARIABLE = "OPTO_STORE"
SERVER = ("postgresql:", "postgresql+", "postgres:")


def default_place() -> str:
    """The journal of whoever names none: `OPTO_STORE`, or a file in the user's cache.

    Example:
        >>> os.environ["OPTO_STORE"] = "/tmp/mine.sqlite"
        >>> default_place()
        '/tmp/mine.sqlite'
        >>> del os.environ["OPTO_STORE"]
    """
    return os.environ.get(VARIABLE) or str(cache_folder() / "journal.sqlite")


def open_journal(
    where: Journal | str | os.PathLike[str] | None = None, *, made: bool = False
) -> Journal:
    """A journal from what names it.

    Args:
        where: a journal is returned as it is; a path is that of a file, and a text that
            begins with ``postgresql`` the address of a server; None is `default_place`.
        made: refuse a file that is not there, in place of making it.

    Raises:
        StoreError: what is there cannot be used as a journal; the message says what to do.

    Example:
        >>> from tempfile import mkdtemp
        >>> with open_journal(mkdtemp() + "/journal.sqlite") as journal:
        ...     [event.kind for event in journal.events()]
        []
    """
    if isinstance(where, Journal):
        return where
    place = default_place() if where is None else os.fspath(where)
    if place.startswith(SERVER):
        return PostgresJournal(place)
    if made and not Path(place).expanduser().exists():
        raise StoreError(f"there is no journal {place}")
    return SQLiteJournal(place)
