from __future__ import annotations

import json

import pytest

from opto.errors import ModelUnavailable, OptimizerError
from opto.llm import DummyLLM, ScriptedLLM
from opto.optimizers import OptoPrime
from opto.optimizers.numeric import NumericOptimizer
from opto.optimizers.together import Together, tune
from opto.testing import OptimizerContract
from opto.trace import GRAPH, bundle, node
from opto.trace.projections import Range

pytest.importorskip("optuna", reason="the extra `numeric` is not installed")


class TestContract(OptimizerContract):
    feedback = 0.5

    def make(self, parameters):
        return Together(NumericOptimizer(parameters, seed=3))


@pytest.fixture
def words():
    GRAPH.clear()
    return node("Be kind.", name="words", trainable=True)


@pytest.fixture
def heat():
    return node(0.9, name="heat", trainable=True, projections=[Range(0, 1)])


@bundle()
def agent(words, heat):
    """Answer in these words, with so much freedom."""
    return f"{words} {heat}"


def says(text):
    return json.dumps({"reasoning": "", "suggestion": {"words0": text}})


def test_words_by_a_model_and_numbers_by_a_sampler_in_one_step(words, heat):
    model = ScriptedLLM([says(f"Be clear, {n}.") for n in range(30)])
    optimizer = tune([words, heat], model, score=lambda: -abs(heat.data - 0.2))
    for n in range(30):
        optimizer.zero_feedback()
        optimizer.backward(agent(words, heat), "be clearer")
        update = optimizer.step()
        assert words.data == f"Be clear, {n}."
    assert {change.parameter for change in update.changes} <= {words, heat}
    assert len(update.replies) == 1
    [_, numeric] = optimizer.parts
    numeric.best.apply()
    assert heat.data == pytest.approx(0.2, abs=0.15)
    # The model was shown the number as an input, and not asked for it.
    asked = model.requests[0].messages[1]["content"]
    assert "#Inputs\n(float) heat0=0.9" in asked
    assert '"heat0"' not in asked


def test_a_step_takes_what_a_step_of_optoprime_takes(words, heat, capsys):
    model = ScriptedLLM([says("Be clear.")])
    both = tune([words, heat], model, score=lambda: 1.0)
    both.backward(agent(words, heat), "clearer")
    both.step(verbose="output", mask=["#Inputs"])
    assert words.data == "Be clear."
    assert "Be clear." in capsys.readouterr().out


def test_a_model_that_fails_changes_nothing(words, heat):
    optimizer = tune([words, heat], ScriptedLLM([ModelUnavailable("down")]), score=lambda: 0.0)
    optimizer.backward(agent(words, heat), "be clearer")
    with pytest.raises(ModelUnavailable):
        optimizer.step()
    assert (words.data, heat.data) == ("Be kind.", 0.9)


def test_only_what_is_there_is_made(words, heat):
    model = DummyLLM(lambda messages, **_: "")
    assert isinstance(tune([words], model), OptoPrime)
    assert isinstance(tune([heat], model), NumericOptimizer)
    assert isinstance(tune([words, heat], model), Together)


def test_each_parameter_has_one_optimizer(words):
    with pytest.raises(OptimizerError, match="one has two here"):
        Together(OptoPrime([words], llm=ScriptedLLM([])), OptoPrime([words], llm=ScriptedLLM([])))
    with pytest.raises(OptimizerError, match="takes optimizers"):
        Together()
