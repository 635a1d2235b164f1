from __future__ import annotations

import random
from copy import deepcopy
from enum import Enum

import pytest

from opto.errors import ArgumentError, OptimizerError
from opto.optimizers.numeric import NumericOptimizer
from opto.store import run
from opto.testing import OptimizerContract
from opto.trace import GRAPH, node
from opto.trace.projections import Choices, Range

pytest.importorskip("optuna", reason="the extra `numeric` is not installed")


class TestContract(OptimizerContract):
    feedback = 0.5

    def make(self, parameters):
        return NumericOptimizer(parameters, seed=3)


def trained(optimizer, worth, rounds):
    """The best values after some rounds of feedback in numbers."""
    [x] = optimizer.parameters
    for _ in range(rounds):
        output = x * 1.0
        optimizer.zero_feedback()
        optimizer.backward(output, worth(x.data))
        optimizer.step()
    optimizer.best.apply()
    return x.data


def test_it_finds_the_top_of_a_hill():
    x = node(0.0, trainable=True, projections=[Range(-20, 20)])
    found = trained(NumericOptimizer([x], seed=0), lambda v: -((v - 7.5) ** 2), 80)
    assert found == pytest.approx(7.5, abs=0.5)


def test_it_finds_the_bottom_of_a_valley():
    x = node(0, trainable=True, projections=[Range(-50, 50)])
    found = trained(NumericOptimizer([x], maximize=False, seed=0), lambda v: abs(v - 31), 80)
    assert (type(found), abs(found - 31) <= 2) == (int, True)


def test_it_chooses_among_options_of_any_kind():
    tools = [["hammer"], {"saw": 1}, None]
    x = node(tools[0], trainable=True, projections=[Choices(*tools)])
    optimizer = NumericOptimizer([x], score=lambda: tools.index(x.data) == 1, seed=0)
    for _ in range(20):
        optimizer.step()
    optimizer.best.apply()
    assert x.data == {"saw": 1}


def test_a_score_runs_the_program_and_needs_no_feedback():
    a, b = node(1.0, trainable=True), node(True, trainable=True)

    def score():
        return node(-abs(a.data - 4) - (5 if b.data else 0))

    optimizer = NumericOptimizer([a, b], score, seed=2)
    for _ in range(80):
        optimizer.step()
    optimizer.best.apply()
    assert (a.data, b.data) == (pytest.approx(4, abs=1), False)


def test_the_present_values_count_whoever_set_them():
    x = node(0.0, trainable=True, projections=[Range(0, 10)])
    optimizer = NumericOptimizer([x], score=lambda: x.data, seed=0)
    optimizer.step()
    x._set(9.99)
    optimizer.step()
    optimizer.best.apply()
    assert x.data == 9.99


def test_a_value_outside_is_not_told_and_the_next_is_inside():
    x = node(100.0, trainable=True, projections=[Range(0, 10)])
    optimizer = NumericOptimizer([x], score=lambda: x.data, seed=0)
    optimizer.step()
    assert 0 <= x.data <= 10
    with pytest.raises(OptimizerError, match="nothing was scored yet"):
        optimizer.best  # noqa: B018


def test_feedback_on_several_outputs_is_averaged():
    x = node(1.0, trainable=True)
    optimizer = NumericOptimizer([x], seed=0)
    optimizer.backward(x * 2.0, 1.0)
    optimizer.backward(x * 3.0, 0.0)
    optimizer.step()
    assert optimizer._study.best_value == 0.5


def test_words_are_no_help():
    x = node(1.0, trainable=True)
    optimizer = NumericOptimizer([x])
    optimizer.backward(x * 2.0, "larger")
    with pytest.raises(OptimizerError, match="numbers are tuned by numbers"):
        optimizer.step()
    assert x.data == 1.0


def test_ranges_can_be_given():
    x = node(1.0, trainable=True)
    optimizer = NumericOptimizer([x], lambda: 0.0, ranges={x: (5.0, 6.0)}, seed=0)
    for _ in range(5):
        optimizer.step()
        assert 5 <= x.data <= 6
    with pytest.raises(ArgumentError, match="which is no parameter of these"):
        NumericOptimizer([x], ranges={node(1.0, trainable=True): (0, 1)})


@pytest.mark.parametrize("value", ["text", [1, 2], {"a": 1}, None, float("nan")])
def test_what_is_neither_number_nor_choice_is_refused(value):
    with pytest.raises(OptimizerError, match="is neither a number nor one of a few options"):
        NumericOptimizer([node(value, trainable=True)])


def test_one_seed_one_way():
    def way(seed):
        x = node(0.0, trainable=True, projections=[Range(0, 1)])
        optimizer, values = NumericOptimizer([x], lambda: x.data, seed=seed), []
        for _ in range(15):
            optimizer.step()
            values.append(x.data)
        return values

    assert way(1) == way(1) != way(2)
    random.seed(5)
    first = way(None)
    random.seed(5)
    assert way(None) == first


def test_a_run_repeats_it(tmp_path):
    ways = []
    for _ in range(2):
        GRAPH.clear()
        with run("tuning", journal=tmp_path / "journal.sqlite") as tuning:
            x = node(0.0, name="x", trainable=True, projections=[Range(0, 1)])
            optimizer = NumericOptimizer([x], lambda x=x: x.data)
            for _ in range(5):
                optimizer.step()
            ways.append(x.data)
    assert ways[0] == ways[1]
    assert [e.kind for e in tuning.journal.events(kind="step")] == ["step"] * 5
    tuning.journal.close()


def test_it_prints_nothing(capsys):
    NumericOptimizer([node(1.0, trainable=True)], lambda: 0.0).step()
    assert capsys.readouterr() == ("", "")


def test_a_copy_goes_on(tmp_path):
    x = node(0.0, trainable=True, projections=[Range(0, 1)])
    optimizer = NumericOptimizer([x], lambda: x.data, seed=1)
    optimizer.step()
    deepcopy(optimizer).step()
    assert len([t for t in optimizer._study.trials if t.value is not None]) == 2


def test_enums_are_choices():
    class Mood(Enum):
        CALM = 1
        WILD = 2

    x = node(Mood.CALM, trainable=True)
    optimizer = NumericOptimizer([x], lambda: x.data is Mood.WILD, seed=0)
    for _ in range(10):
        optimizer.step()
    optimizer.best.apply()
    assert x.data is Mood.WILD
