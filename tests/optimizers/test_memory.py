import json

import pytest

import opto.optimizers.buffers
from opto.errors import OptimizerError, StoreError
from opto.optimizers.memory import Episode, FIFOBuffer, Memory


def test_the_last_items_are_kept():
    buffer = FIFOBuffer(2)
    for item in range(5):
        buffer.add(item)
    assert (list(buffer), len(buffer), buffer.size) == ([3, 4], 2, 2)


def test_a_buffer_of_size_zero_keeps_nothing():
    buffer = FIFOBuffer(0)
    buffer.add(1)
    assert list(buffer) == []


@pytest.mark.parametrize("size", [-1, 1.5, "2", None, True])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(OptimizerError, match="0, 1, 2"):
        FIFOBuffer(size)


def test_the_old_address_works():
    assert opto.optimizers.buffers.FIFOBuffer is FIFOBuffer


def test_an_episode_can_be_written_whatever_the_values_are():
    """SPEC 11.C5."""
    episode = Episode.of({"a": {1, 2}, "b": object(), "c": 'x"\n#Code'}, ValueError("no"))
    assert json.loads(str(episode))["variables"]["c"] == 'x"\n#Code'
    assert len(str(episode).splitlines()) == 1
    variables, feedback = episode  # the pair that the original kept
    assert (list(variables), feedback) == (["a", "b", "c"], "no")


def test_a_memory_survives_being_written_down():
    memory = Memory(2)
    memory.add(Episode.of({"x": 1}, "larger"))
    again = Memory.of_data(json.loads(json.dumps(memory.to_data())))
    assert (list(again), again.size) == (list(memory), 2)


@pytest.mark.parametrize(
    "data",
    [None, {}, {"size": -1, "episodes": []}, {"size": 1, "episodes": [{"variables": 3}]}, [1]],
)
def test_what_is_no_memory_is_said(data):
    with pytest.raises(StoreError, match="no memory"):
        Memory.of_data(data)
