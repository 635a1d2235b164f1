import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ArgumentError
from opto.llm import OpenAILLM, ScriptedLLM
from opto.optimizers.voices import shares, voices_of, weights_of


@pytest.mark.parametrize(
    ("weights", "count", "turns"),
    [
        ([1], 3, (0, 0, 0)),
        ([1, 1], 3, (0, 1, 0)),
        ([1, 3], 4, (1, 0, 1, 1)),
        ([0, 2], 2, (1, 1)),
        ([0.5, 0.25, 0.25], 4, (0, 1, 2, 0)),
        ([1, 2], 0, ()),
    ],
)
def test_each_has_its_turns(weights, count, turns):
    assert shares(weights, count) == turns


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any), st.integers(0, 40))
def test_nobody_is_a_whole_turn_from_its_share_for_long(weights, count):
    turns = shares(weights, count)
    assert len(turns) == count
    for one, weight in enumerate(weights):
        due = count * weight / sum(weights)
        assert abs(turns.count(one) - due) < len(weights)
        assert weight or one not in turns


def test_whole_rounds_are_shared_exactly():
    assert [shares([3, 1, 2], 60).count(one) for one in range(3)] == [30, 10, 20]


def test_models_are_called_as_they_call_themselves():
    models = [OpenAILLM("tiny"), OpenAILLM("tiny"), ScriptedLLM([]), lambda messages: "ok"]
    voices = voices_of(models)
    assert list(voices) == ["tiny", "tiny-2", "ScriptedLLM", "DummyLLM"]
    assert voices["tiny-2"] is models[1]


def test_what_is_no_model_is_refused():
    with pytest.raises(ArgumentError, match="callable"):
        voices_of([5])


def test_weights_are_equal_where_none_are_given():
    assert weights_of(None, {"a": None, "b": None}) == (1.0, 1.0)
    assert weights_of([2, 0], {"a": None, "b": None}) == (2.0, 0.0)
