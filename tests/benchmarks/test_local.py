"""The comparison on a local model: its machinery, with a server that answers by script."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from benchmarks import local
from benchmarks.attempt import SERVER, attempt
from benchmarks.smalljobs import HINTS, JOBS
from tests.support.openai_server import OpenAIServer, says


def suggests(**values):
    return says(json.dumps({"reasoning": "It is.", "suggestion": values}))


def from_the_hint(asked):
    said = asked.body["messages"][-1]["content"]
    [colour] = [colour for colour, hint in HINTS.items() if hint in said]
    return suggests(colour0=colour)


@pytest.fixture
def server(monkeypatch):
    with OpenAIServer() as found:
        for name, value in zip(SERVER, (found.url, "key", "tiny"), strict=True):
            monkeypatch.setenv(name, value)
        yield found


def test_an_attempt_ends_when_it_is_solved(server):
    server.otherwise = from_the_hint
    outcome = attempt("ours", "choice", 4)
    assert outcome["solved"]
    assert outcome["calls"] == outcome["steps"] == len(server.requests) == 1
    assert outcome["unchanged"] == 0
    assert server.requests[0].body["response_format"]["type"] == "json_schema"
    assert server.requests[0].body["max_tokens"] == JOBS["choice"].tokens


def test_questions_back_count_and_end_it(server):
    server.otherwise = says("I do not know.")
    outcome = attempt("ours", "greeting", 0)
    assert not outcome["solved"]
    assert outcome["calls"] == len(server.requests) == JOBS["greeting"].calls
    assert outcome["unchanged"] == outcome["steps"] < outcome["calls"]
    assert outcome["answers"] == ["I do not know."] * outcome["calls"]


def test_what_the_server_refuses_was_asked(server):
    server.otherwise = says("", status=400, error={"message": "no"})
    outcome = attempt("ours", "number", 0)
    assert outcome["calls"] == JOBS["number"].calls
    assert outcome["errors"]


def test_all_sides_and_jobs_of_a_seed_come_before_the_next_seed():
    order = list(local.turns([0, 1], list(JOBS)))
    assert {seed for *_, seed in order[: len(order) // 2]} == {0}
    first, second = [side for side, job, _ in order if job == "choice"][1:3]
    assert first == second
    assert len(set(order)) == 2 * 2 * len(JOBS)


def outcome_of(side, job, seed, solved=True):
    return {
        "side": side,
        "job": job,
        "seed": seed,
        "solved": solved,
        "calls": 2,
        "steps": 2,
        "unchanged": 1,
        "seconds": 1.0,
    }


def test_a_run_goes_on_where_it_was(tmp_path, monkeypatch):
    @contextmanager
    def served(model):
        yield {}

    made = []

    def attempted(side, job, seed, place):
        made.append((side, job, seed))
        return outcome_of(side, job, seed)

    monkeypatch.setattr(local, "served", served)
    monkeypatch.setattr(local, "attempted", attempted)
    file = tmp_path / "kept.jsonl"
    first = json.dumps(outcome_of("ours", "choice", 0))
    file.write_text(f'{first}\n{{"side": "original", "jo')
    local.run(file, "tiny", [0], None)
    assert ("ours", "choice", 0) not in made
    assert len(made) == 7
    assert len(local.known(file)) == 8
    local.run(file, "tiny", [0], None)
    assert len(made) == 7
    local.run(file, "tiny", [0, 1], jobs=["greeting"])
    assert {turn[1:] for turn in made[7:]} == {("greeting", 1)}


def test_only_pairs_count():
    outcomes = [
        outcome_of("ours", "choice", 0),
        outcome_of("original", "choice", 0, solved=False),
        outcome_of("ours", "choice", 1),
    ]
    found = {row[0]: row for row in local.rows(outcomes)}
    row = found[JOBS["choice"].words]
    assert row[2:4] == ["1/1", "0/1"]
    assert local.verdict(outcomes) == "Ours is above on 1 of the 4 jobs, level on 3, below on 0."


def test_the_section_says_where_its_figures_come_from():
    text = local.section([outcome_of(s, "number", 0) for s in local.SIDES], "tiny", "make it")
    assert "no answer is scripted" in text
    assert "of tiny" in text
    assert "1/1" in text
