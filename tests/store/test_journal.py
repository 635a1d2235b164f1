"""What the port does for every backend, shown with one that keeps rows in a list."""

from __future__ import annotations

import json

import pytest

from opto.errors import StoreError
from opto.store import Claim, Entry, Journal
from opto.store.journal import PAGE


class ListJournal(Journal):
    """The least that a backend has to be; it counts how often it is asked."""

    def __init__(self):
        self.rows, self.owners, self.numbers, self.pages = [], {}, {}, []

    def claim(self, claim, seconds):
        return self.owners.setdefault(claim.key, claim.owner) == claim.owner

    def release(self, claim):
        if self.owners.get(claim.key) == claim.owner:
            del self.owners[claim.key]

    def number(self, key):
        self.numbers[key] = self.numbers.get(key, -1) + 1
        return self.numbers[key]

    def close(self):
        self.rows.append("closed")

    def _insert(self, rows, release):
        places = range(len(self.rows) + 1, len(self.rows) + len(rows) + 1)
        self.rows += [row._replace(seq=place) for row, place in zip(rows, places, strict=True)]
        if release is not None:
            self.release(release)
        return list(places)

    def _page(self, run, kind, key, after, limit):
        self.pages.append((after, limit))
        fits = [
            row
            for row in self.rows
            if row.seq > after
            and run in {None, row.run}
            and kind in {None, row.kind}
            and key in {None, row.key}
        ]
        return fits[:limit]

    def _latest(self, run, kind, key):
        found = self._page(run, kind, key, 0, len(self.rows))
        return found[-1] if found else None


@pytest.fixture
def journal():
    return ListJournal()


def test_a_backend_must_do_all_of_it():
    class Half(ListJournal):
        _latest = Journal._latest

    with pytest.raises(TypeError, match="_latest"):
        Half()


def test_many_events_are_read_page_by_page_and_each_once(journal):
    count = 2 * PAGE + 3
    journal.extend([Entry("step", number) for number in range(count)])
    assert [event.data for event in journal.events()] == list(range(count))
    assert journal.pages == [(0, PAGE), (PAGE, PAGE), (2 * PAGE, PAGE), (count, PAGE)]


def test_who_reads_sees_what_is_written_meanwhile(journal):
    journal.append("step", 0)
    seen = []
    for event in journal.events():
        seen.append(event.data)
        if len(seen) < 3:
            journal.append("step", len(seen))
    assert seen == [0, 1, 2]


def test_one_bad_event_keeps_all_of_them_out(journal):
    good = Entry("step", 1)
    for bad in (Entry("setp", 2), Entry("step", object()), Entry("step", 2, key="a\0b")):
        with pytest.raises(StoreError):
            journal.extend([good, bad])
    assert journal.rows == []


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
@pytest.mark.parametrize("call", ["events", "find", "last"])
def test_a_name_that_cannot_stand_there_is_not_looked_for(journal, call, name):
    ask = {
        "events": lambda: list(journal.events(key=name)),
        "find": lambda: journal.find("step", name),
        "last": lambda: journal.last("step", name),
    }
    with pytest.raises(StoreError, match="zero character or half of a surrogate pair"):
        ask[call]()
    assert journal.pages == []


def test_what_append_returns_is_what_is_read_later(journal, monkeypatch):
    monkeypatch.setenv("MY_DB_PASSWORD", "hunter2-hunter2")
    data = {"a": (1, 2.5), 3: {"x"}, "said": ["it is hunter2-hunter2", "and zq-mine-77"]}
    given = journal.append("reply", data, key="of hunter2-hunter2", secrets=["zq-mine-77"])
    assert given.data == {"a": (1, 2.5), 3: {"x"}, "said": ["it is ***", "and ***"]}
    assert [given] == list(journal.events())
    [row] = journal.rows
    assert "hunter2" not in row.data + row.key
    assert data["said"][0] == "it is hunter2-hunter2"


def test_an_event_does_not_change_with_what_it_was_made_of(journal):
    data = {"list": [1]}
    given = journal.append("step", data)
    data["list"].append(2)
    assert given.data == {"list": [1]}


def test_events_of_one_moment_have_one_time(journal):
    first, second = journal.extend([Entry("step", 1), Entry("step", 2)])
    assert first.at == second.at
    assert first.seq < second.seq


def test_what_is_stored_is_json(journal):
    journal.append("step", {"a": [1, "ü", None]})
    assert json.loads(journal.rows[0].data) == {"a": [1, "ü", None]}


def test_a_damaged_event_is_named(journal):
    journal.append("step", 1)
    journal.rows[0] = journal.rows[0]._replace(data='{"a": ')
    with pytest.raises(StoreError, match="event 1 of the journal is damaged"):
        journal.find("step", "")


def test_the_first_and_the_last(journal):
    for number in range(3):
        journal.append("parameter", number, key="x", run=f"r{number % 2}")
    assert journal.find("parameter", "x").data == 0
    assert journal.last("parameter", "x").data == 2
    assert journal.last("parameter", run="r1").data == 1
    assert journal.find("parameter", "x", run="r2") is None
    assert journal.last("step") is None


def test_a_claim_ends_with_its_event(journal):
    claim = Claim("k", "me")
    assert journal.claim(claim, 1.0)
    journal.append("reply", "r", key="k", release=claim)
    assert journal.owners == {}


def test_a_block_gives_the_connections_back(journal):
    with journal as same:
        assert same is journal
    assert journal.rows == ["closed"]
