from __future__ import annotations

import json

import pytest

from opto.__main__ import main
from opto.llm import Reply, ScriptedLLM, Usage
from opto.store import RunRecord, runs
from opto.store.runs import as_table
from tests.support.runs import drawing, steps_of


@pytest.fixture
def some(begin):
    """Three runs: one finished the second time, a fork of it, and one that failed."""
    priced = Usage(10, 5, 0.25)
    model = ScriptedLLM([Reply("a", usage=priced), ValueError("no"), Reply("b", usage=priced)])
    with pytest.raises(ValueError, match="no"), begin("first"):
        _ask_two(model)
    with begin("first"):
        _ask_two(model)
    with begin("fork", fork="first", step=0):
        steps_of(drawing([1, 2]), 2)
    with pytest.raises(KeyboardInterrupt), begin("stopped"):
        raise KeyboardInterrupt
    return begin


def _ask_two(model):
    model("1?")
    model("2?")


def test_each_run_is_folded_into_what_is_known_of_it(some, journal):
    first, fork, stopped = runs(journal)
    assert first == RunRecord(
        "first", first.began, 2, "finished", None, 0, 2, 1, Usage(20, 10, 0.5)
    )
    assert (fork.fork, fork.steps, fork.replies) == (("first", 0), 2, 2)
    assert fork.usage.cost_usd is None
    assert (stopped.state, stopped.attempts) == ("interrupted", 1)


def test_a_run_that_goes_on_is_open(some, journal):
    with some("first"):
        assert runs(journal)[0].state == "open"
    assert runs(journal)[0].state == "finished"


def test_other_events_of_a_journal_are_no_runs(journal):
    journal.append("reply", {"any": "thing"})
    journal.append("parameter", 1, run="never begun")
    assert runs(journal) == ()


def test_as_a_table(some, journal):
    lines = as_table(runs(journal)).splitlines()
    assert lines[0].split() == [
        "run", "began", "state", "attempts", "steps", "answers", "failed", "tokens", "cost",
    ]  # fmt: skip
    assert lines[1].split()[-6:] == ["2", "0", "2", "1", "30", "$0.5000"]
    assert lines[2].endswith("unknown")


@pytest.mark.usefixtures("some")
def test_the_command_lists_them(path, capsys):
    assert main(["runs", "--journal", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("first")
    assert main(["runs", "--journal", str(path), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["name"] for record in said] == ["first", "fork", "stopped"]
    assert said[0]["usage"]["cost_usd"] == 0.5


def test_the_command_says_what_is_not_there(tmp_path, capsys, journal, path):
    assert main(["runs", "--journal", str(tmp_path / "none.sqlite")]) == 2
    assert "there is no journal" in capsys.readouterr().err
    assert not (tmp_path / "none.sqlite").exists()
    assert main(["runs", "--journal", str(path)]) == 0
    assert capsys.readouterr().out == "There are no runs yet.\n"
