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


@pytest.mark.parametrize("size", [10**6, 2**63 - 1, 10**40])
def test_a_huge_size_keeps_all(size):
    memory = Memory(size)
    assert remembered(memory, *range(50)) == [str(number) for number in range(50)]
    assert Memory.of_data(json.loads(json.dumps(memory.to_data()))).size == size


@pytest.mark.parametrize("size", [-1, 1.5, "2", True])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(OptimizerError, match="0, 1, 2"):
        FIFOBuffer(size)


def test_a_buffer_of_no_size_keeps_all():
    buffer = FIFOBuffer(None)
    for item in range(1000):
        buffer.add(item)
    assert list(buffer) == list(range(1000))


def remembered(memory, *feedbacks):
    for number, feedback in enumerate(feedbacks):
        memory.add(Episode.of({"x": number}, feedback))
    return [episode.feedback for episode in memory]


def test_the_best_are_kept_beside_the_last_in_the_order_of_time():
    assert remembered(Memory(2, best=2), 9, 1, 7, 8, 3, 2) == ["9", "8", "3", "2"]
    assert remembered(Memory(0, best=1), 1, 5, 3) == ["5"]
    assert len(Memory(2, best=2)) == 0


def test_words_are_no_score_and_are_forgotten_in_their_turn():
    assert remembered(Memory(1, best=2), "good", 4, "bad", 2, "so so") == ["4", "2", "so so"]


def test_of_equal_scores_the_later_is_kept():
    memory = Memory(1, best=1)
    assert remembered(memory, 5, 5, 5) == ["5", "5"]
    assert [episode.variables["x"] for episode in memory] == [1, 2]


@pytest.mark.parametrize(
    ("feedback", "score"),
    [
        ("1", 1.0),
        (" -2.5e1 ", -25.0),
        ("About add0: 1\nAbout add1: 3", 2.0),
        ("1 is too small", None),
        ("About add0: 1\nAbout add1: too small", None),
        ("ID [0]: 1\nID [1]: 0.5", 0.75),
        ("About batchify0: ID [0]: 1", 1.0),
        ("ID [0]: 1\nID [1]: wrong", None),
        ("nan", None),
        ("", None),
        ("True", None),
    ],
)
def test_a_score_is_feedback_that_is_a_number(feedback, score):
    assert Episode({}, feedback).score == score


def test_a_pair_is_a_round():
    """As subclasses of the original remember it."""
    memory = Memory(2, best=1)
    for score in (9, 1, 2, 3):
        memory.add(({"x0": score}, score))
    assert list(memory) == [Episode({"x0": n}, str(n)) for n in (9, 2, 3)]
    assert list(Memory.of_data(memory.to_data())) == list(memory)


def test_the_old_address_works():
    assert opto.optimizers.buffers.FIFOBuffer is FIFOBuffer


def test_an_episode_can_be_written_whatever_the_values_are():
    """SPEC 11.C5."""
    episode = Episode.of({"a": {1, 2}, "b": object(), "c": 'x"\n#Code'}, ValueError("no"))
    assert json.loads(str(episode))["variables"]["c"] == 'x"\n#Code'
    assert len(str(episode).splitlines()) == 1
    variables, feedback = episode  # the pair that the original kept
    assert (list(variables), feedback) == (["a", "b", "c"], "no")


@pytest.mark.parametrize(
    ("value", "kept"),
    [(3, 3), (0.5, 0.5), (True, True), ("3", "3"), (None, "None"), (float("nan"), "nan"),
     ([1, 2], "[1, 2]"), (10**30, str(10**30))],
)  # fmt: skip
def test_numbers_stay_numbers_so_that_an_answer_is_like_them(value, kept):
    said = json.loads(str(Episode.of({"x": value}, "f")))["variables"]["x"]
    assert (said, type(said)) == (kept, type(kept))


def test_a_number_too_long_for_python_is_written_all_the_same():
    assert json.loads(str(Episode.of({"x": 10**5000}, "f")))["feedback"] == "f"


def test_a_memory_survives_being_written_down():
    memory = Memory(2)
    memory.add(Episode.of({"x": 1}, "larger"))
    again = Memory.of_data(json.loads(json.dumps(memory.to_data())))
    assert (list(again), again.size) == (list(memory), 2)


def test_the_best_survive_as_well():
    memory = Memory(1, best=1)
    remembered(memory, 9, 2, 1)
    again = Memory.of_data(json.loads(json.dumps(memory.to_data())))
    assert (list(again), again.best) == (list(memory), 1)
    assert remembered(again, 3) == remembered(memory, 3)


def test_what_was_written_before_there_were_best_ones_is_read():
    data = {"size": 1, "episodes": [{"variables": {"x": "1"}, "feedback": "f"}]}
    assert [tuple(e) for e in Memory.of_data(data)] == [({"x": "1"}, "f")]


@pytest.mark.parametrize(
    "data",
    [None, {}, {"size": -1, "episodes": []}, {"size": 1, "episodes": [{"variables": 3}]}, [1]],
)
def test_what_is_no_memory_is_said(data):
    with pytest.raises(StoreError, match="no memory"):
        Memory.of_data(data)
