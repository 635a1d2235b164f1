from __future__ import annotations

import json
from random import Random

import pytest

from benchmarks import codes
from benchmarks.codes import Code, rows, searched, solver

JSON_PROMPT = """#Code
read0 = read(digit=digit0)
read1 = read(digit=digit1)
check0 = check(seal=sealed0, reading=read1)
check1 = check(seal=check0, reading=read0)

#Variables
(int) digit0=0
(int) digit1=1

#Feedback
check {} failed"""


@pytest.mark.parametrize("dialect", ["json", "tagged"])
@pytest.mark.parametrize("seed", range(3))
def test_64_digits_take_one_step_each_with_the_graph(dialect, seed):
    code = Code.drawn(64, Random(seed))
    assert code.wrong > 16
    assert searched(code, dialect) == (code.wrong, True)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_solver_takes_many_steps_where_the_graph_is_hidden(seed):
    code = Code.drawn(16, Random(seed))
    steps, found = searched(code, "json", hidden=True)
    assert found
    assert steps > code.wrong + 8


def test_a_hidden_code_of_64_digits_is_not_found_in_as_many_steps(monkeypatch):
    monkeypatch.setattr(codes, "PATIENCE", 1)
    code = Code.drawn(64, Random(0))
    assert searched(code, "json", hidden=True) == (64, False)
    assert code.wrong < 32


@pytest.mark.slow
def test_a_hidden_code_of_64_digits_takes_more_steps_than_it_has_digits():
    steps, _ = searched(Code.drawn(64, Random(0)), "json", hidden=True)
    assert steps > 3 * 64


@pytest.mark.parametrize(("failed", "digit"), [(0, "digit1"), (1, "digit0")])
def test_the_solver_knows_only_the_prompt(failed, digit):
    said = json.loads(solver([{"content": JSON_PROMPT.format(failed)}]))
    assert list(said["suggestion"]) == [digit]


def test_nothing_but_the_graph_tells_which_digit_a_check_looks_at():
    swapped = JSON_PROMPT.format(0).replace("reading=read1", "reading=?")
    swapped = swapped.replace("reading=read0", "reading=read1").replace(
        "reading=?", "reading=read0"
    )
    said = json.loads(solver([{"content": swapped}]))
    assert list(said["suggestion"]) == ["digit0"]


def test_a_row_holds_the_steps_of_each_way():
    [[length, wrong, *steps]] = rows(2, (4,))
    assert length == "4"
    assert steps[0] == steps[1] == wrong
    assert float(steps[2]) >= float(wrong)
