from __future__ import annotations

import sys

import pytest

from benchmarks import steps
from benchmarks.stepleg import SHAPES, Model, ours
from benchmarks.steps import Case, Cell, beyond, deeper, measured, shown, slower, verdicts


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [10, 12, 100, 1_000])
def test_a_graph_has_as_many_operations_as_it_says(shape, size):
    made = []

    def operation(*inputs):
        made.append(1 + max(inputs))
        return made[-1]

    output, levels = SHAPES[shape](size, 1, operation, operation)
    assert len(made) == size
    assert levels == output == max(made)


def test_a_chain_is_deep_and_a_tree_is_not():
    depths = [SHAPES[shape](1_000, 0, lambda a: a, max)[1] for shape in ("chain", "tree")]
    assert depths[0] == 1_001
    assert depths[1] <= 13


@pytest.mark.parametrize(
    ("optimizer", "calls"), [("OptoPrime", 1), ("OPRO", 1), ("OptoPrimeMulti", 4), ("TextGrad", 11)]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_of_ours_asks_as_often_as_it_says(optimizer, calls, shape):
    model = Model(optimizer, 0.0)
    record, step = ours(optimizer, shape, 10, model)
    record()
    step()
    assert len(model.asked) == calls


def test_the_levels_of_a_tree_are_asked_together(monkeypatch):
    monkeypatch.setattr(steps, "python_of", lambda _: sys.executable)
    cells = measured(Case("TextGrad", "tree", 30), ["ours"], latency=0.05, limit=20.0)
    cell = cells["ours"]
    assert len(cell.seconds) == steps.REPEATS
    assert cell.calls == 31
    assert cell.took < cell.calls * 0.05 / 2


def test_a_step_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(steps, "python_of", lambda _: sys.executable)
    cells = measured(Case("OptoPrime", "chain", 3), ["ours"], latency=30.0, limit=0.3)
    assert str(cells["ours"]) == "> 0.3 s"
    assert cells["ours"].done


def test_who_is_slower_is_said():
    found = {
        Case("OPRO", "chain", 10): {
            "ours": Cell([0.3], 1, 11),
            "original": Cell([0.2], 1, 11),
        },
        Case("OPRO", "chain", 20): {
            "ours": Cell([0.2], 1, 11),
            "original": Cell([0.3], 1, 11),
        },
        Case("OPRO", "chain", 30): {
            "ours": Cell([0.2], 1, 11),
            "original": Cell(failed="> 60 s"),
        },
        Case("OPRO", "chain", 40): {
            "ours": Cell(failed="TypeError"),
            "original": Cell([0.2], 1, 11),
        },
    }
    assert slower(found) == [
        "OPRO, chain of 10: 100.0 ms (original)",
        "OPRO, chain of 40: has no time (original)",
    ]
    assert "> 60 s" in shown(found)
    assert "100.0 ms" in verdicts(found, 0.2)


@pytest.mark.parametrize(("took", "is_beyond"), [(1.0, False), (1.05, False), (1.2, True)])
def test_a_level_may_take_an_answer(took, is_beyond):
    cell = Cell([took], 9, 5)
    assert beyond(cell, 0.2) is is_beyond
    assert bool(deeper({Case("TextGrad", "tree", 9): {"ours": cell}}, 0.2)) is is_beyond
