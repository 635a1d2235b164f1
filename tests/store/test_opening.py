from __future__ import annotations

import pytest

from opto.errors import StoreError
from opto.store import SQLiteJournal, default_place, open_journal


def test_a_path_is_a_file_and_a_journal_is_itself(tmp_path):
    with open_journal(str(tmp_path / "a")) as journal:
        assert isinstance(journal, SQLiteJournal)
        assert journal.path == tmp_path / "a"
        assert open_journal(journal) is journal


@pytest.mark.parametrize("url", ["postgresql://", "postgresql+psycopg://", "postgres://"])
def test_an_address_is_that_of_a_server(url):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"postgresql\+psycopg://me@127.0.0.1:1/db cannot be used"):
        open_journal(f"{url}me:hunter2@127.0.0.1:1/db")


def test_the_default_is_the_variable_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_place() == str(tmp_path / "opto" / "journal.sqlite")
    monkeypatch.setenv("OPTO_CACHE", str(tmp_path / "mine"))
    assert default_place() == str(tmp_path / "mine" / "journal.sqlite")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPTO_STORE", "~/here.sqlite")
    with open_journal() as journal:
        assert journal.path == tmp_path / "here.sqlite"
    monkeypatch.setenv("OPTO_STORE", str(tmp_path / "there"))
    with open_journal() as journal:
        assert journal.path == tmp_path / "there"
