from __future__ import annotations

from pathlib import Path

from opto.store import SQLiteJournal, default_path, open_journal


def test_a_path_is_a_file_and_a_journal_is_itself(tmp_path):
    with open_journal(str(tmp_path / "a")) as journal:
        assert isinstance(journal, SQLiteJournal)
        assert journal.path == tmp_path / "a"
        assert open_journal(journal) is journal


def test_the_default_is_the_variable_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "opto" / "journal.sqlite"
    monkeypatch.setenv("OPTO_CACHE", str(tmp_path / "mine"))
    assert default_path() == tmp_path / "mine" / "journal.sqlite"
    monkeypatch.setenv("OPTO_STORE", "~/here.sqlite")
    assert default_path() == Path.home() / "here.sqlite"
    monkeypatch.setenv("OPTO_STORE", str(tmp_path / "there"))
    with open_journal() as journal:
        assert journal.path == tmp_path / "there"
