"""Each side that needs no environment of its own does what the rows claim of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.budgets import Budget, budgets
from benchmarks.cases import CASES, Case
from benchmarks.environments import HERE
from benchmarks.report import rows, table
from benchmarks.rounds import ROOT, Effort, Leg, Result, in_turn
from benchmarks.sample import sampler, written
from benchmarks.sides import SIDES

CLAIMS = [(side, case) for side in HERE for case in CASES.values() if case.has(side)]


@pytest.mark.parametrize(("side", "case"), CLAIMS, ids=lambda v: getattr(v, "name", v))
def test_a_side_does_what_it_claims(side, case, tmp_path):
    took = sampler(case, side, SIDES[side](), tmp_path)(4)
    assert isinstance(took, int)
    assert took >= 0


def test_every_side_of_a_row_exists():
    named = {side for case in CASES.values() for side in case.sides.split()}
    assert named == SIDES.keys()


def test_a_side_may_write_a_step_in_its_own_way():
    assert "total([x, y, z])" in written(CASES["sum"], "textgrad")
    assert "total" not in written(CASES["sum"], "ours")


def test_a_step_that_fails_is_told_of_and_the_leg_goes_on():
    asked = "untraced 4\nadd 4\n"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.leg", "plain"],
        input=asked,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    failed, answered = done.stdout.split()
    assert failed == "NameError"
    assert int(answered) > 0


def test_sides_take_turns_and_the_memory_of_one_is_counted_in_bytes():
    leg = Leg("minimal", sys.executable)
    try:
        effort = Effort(rounds=3, least=1_000, patience=10**9)
        took = in_turn(CASES["add"], [leg], effort)
        held = in_turn(
            Case("memory", "bytes", "", sides="minimal", shape="bytes", size=10_000), [leg], effort
        )
    finally:
        leg.close()
    assert 0 < took.values["minimal"] < 1_000
    # Three slots, a header for the collector, and a tuple of two.
    assert 100 < held.values["minimal"] < 200


def result(name, **values):
    return Result(CASES[name], values)


def test_what_is_promised_is_held_against_what_was_found():
    found = [
        result("add", ours=0.3, minimal=0.2, torch=0.25),
        result("bundle_1", ours=0.8),
        result("awaited", ours=2.0, plain=0.1),
        result("fixed_50", ours=1.0),
        result("trainable_50", ours=1.6),
        result("memory", ours=216),
        result("chain_50000", ours=2.0),
        result("chain_100000", ours=3.0),
    ]
    kept = {b.words: (round(b.found, 6), b.reached) for b in budgets(found) if b.unit != "x torch"}
    assert kept == {
        "`x + y`": (1.5, True),
        "bundle, 1 argument": (4.0, True),
        "async bundle, over a plain await": (9.5, False),
        "trainable, lines of code: 50": (1.6, False),
        "memory of an operation": (216, True),
        "backward, chain": (3.0, False),
    }
    [torch] = [b for b in budgets(found) if b.unit == "x torch"]
    assert (torch.found, torch.reached) == (pytest.approx(1.2), False)


def test_a_budget_says_whether_it_is_reached():
    assert str(Budget("add", 1.5, 2.0, "x minimal")).startswith("reached    1.50 <= 2")
    assert str(Budget("add", 2.5, 2.0, "x minimal")).startswith("MISSED     2.50 <= 2")


def test_the_table_has_what_follows_from_two_rows():
    found = [
        result("awaited", ours=1.5, plain=0.5, minimal=1.0),
        result("fixed_50", ours=2.0),
        result("trainable_50", ours=3.0, original=600.0),
    ]
    words = {row.words: dict(row.values) for row in rows(found)}
    assert words["* over a plain await"] == {"ours": 1.0, "minimal": 0.5}
    assert words["* trainable / not"] == {"ours": 1.5}
    lines = table(found, ["ours", "original", "minimal", "plain"]).splitlines()
    assert lines[0].split("|")[-3:-1] == [" original / ours ", " ours / minimal "]
    assert len({len(line) for line in lines}) == 1
    assert "| 600" in lines[5]
    assert "| 200" in lines[5]
