from __future__ import annotations

import json

import pytest

from benchmarks import prompts
from benchmarks.programs import FACTS, PROGRAMS
from benchmarks.promptleg import OPTIMIZERS, TAGGED, asked, everything

CALLS = FACTS[:3]
VALUES = {"x0": 3, "k0": 2, "b0": 1, "scale0": 6, "add0": 7, "multiply0": 21}


def golden(optimizer):
    return asked("ours", optimizer, PROGRAMS["golden"][1])


def test_optoprime_tells_all_the_facts_of_the_golden_program():
    [messages] = golden("OptoPrime")
    text = "\n".join(messages)
    assert [fact for fact in FACTS if fact not in text] == []
    assert prompts.facts([messages]) == len(FACTS)


def test_the_tagged_dialect_tells_them_in_its_form():
    [messages] = golden(TAGGED)
    text = "\n".join(messages)
    for fact in (*CALLS, "[scale] Multiply by k", "make it larger"):
        assert fact in text
    for name, value in VALUES.items():
        assert f'name="{name}" type="int">\n<value>\n{value}\n</value>' in text


def test_a_fact_that_is_left_out_is_missed():
    [messages] = golden("OptoPrime")
    cut = [text.replace("(int) k0=2", "") for text in messages]
    assert prompts.facts([cut]) == len(FACTS) - 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_is_asked_about_by_all(name):
    found = everything("ours")[name]
    assert set(found) == {*OPTIMIZERS, TAGGED}
    run = PROGRAMS[name][1]()
    for questions in found.values():
        assert run.feedback in json.dumps(questions, ensure_ascii=False)
    for optimizer in ("OptoPrime", "OPRO", TAGGED):
        assert len(found[optimizer]) == 1


def test_where_ours_has_more_is_said(monkeypatch):
    monkeypatch.setattr(prompts, "tokens", lambda asked: sum(len(t) for m in asked for t in m))
    few, many = [["a"]], [["a" * 5, "b"]]
    kinds = (*OPTIMIZERS, TAGGED)
    ours = {name: dict.fromkeys(kinds, few) for name in PROGRAMS}
    ours["agent"] = {**ours["agent"], "OPRO": many}
    other = [["aa"]]
    original = {name: dict.fromkeys(OPTIMIZERS, other) for name in PROGRAMS}
    lines = prompts.rows(ours, original)
    assert len(lines) == len(kinds) * len(PROGRAMS)
    assert lines[0][2:5] == [1, 2, "0.50"]
    said = prompts.verdict(lines, ours)
    assert "more tokens in: OPRO, README, an agent (6 and 2)." in said
