from __future__ import annotations

import random
from contextlib import suppress

import pytest

from opto.errors import (
    ArgumentError,
    ModelRefused,
    ModelUnavailable,
    StoreError,
)
from opto.llm import DummyLLM, ScriptedLLM
from tests.support.runs import drawing, nobody, steps_of

# --------------------------------------------------------------------- failures


def fallback(model):
    """A program that knows what to do when it is refused."""
    try:
        return model("hard?").text
    except (ModelRefused, ModelUnavailable) as error:
        return f"{error}, {model('easy?').text}"


@pytest.mark.parametrize("kind", [ModelRefused, ModelUnavailable])
def test_a_failure_that_the_program_went_on_from_is_part_of_its_record(begin, kind):
    with begin():
        assert fallback(ScriptedLLM([kind("no"), "a"])) == "no, a"
    with begin() as r:
        assert fallback(nobody) == "no, a"
    assert r.asked == 0


def test_a_failure_that_ended_the_program_is_tried_again(begin):
    with pytest.raises(ModelUnavailable), begin():
        ScriptedLLM([ModelUnavailable("down")])("?")
    with begin():
        assert ScriptedLLM(["up"])("?").text == "up"
    with begin():
        assert nobody("?").text == "up"


def test_a_failure_of_a_users_own_model_comes_again(begin):
    class OddError(Exception):
        def __init__(self, code, other):
            super().__init__(f"{code}{other}")

    script = iter([ValueError("bad"), OddError(1, 2), "late"])

    def answer(messages):
        said = next(script)
        if isinstance(said, Exception):
            raise said
        return said

    model = DummyLLM(answer)
    with begin():
        with pytest.raises(ValueError, match="bad"):
            model("1?")
        with pytest.raises(OddError):
            model("2?")
    with begin():
        with pytest.raises(ValueError, match="bad"):
            model("1?")
        assert model("2?").text == "late"  # its error cannot be made again from what was written


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (None, "finished"),
        (SystemExit(), "finished"),
        (SystemExit(0), "finished"),
        (SystemExit(2), "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("x"), "failed"),
    ],
)
def test_the_end_is_written_down(journal, begin, error, how):
    with suppress(BaseException), begin():
        if error is not None:
            raise error
    said = journal.last("run", "end", run="r").data
    assert (said["how"], said["attempt"]) == (how, 1)
    assert said.get("error") == (None if how == "finished" else type(error).__name__)


# ------------------------------------------------------------------------ forks


def test_a_fork_keeps_both_histories(begin):
    with begin("a"):
        assert steps_of(drawing([1, 2, 3, 4]), 4) == ["1", "2", "3", "4"]
    with begin("b", fork="a", step=2) as b:
        assert steps_of(drawing([30, 40]), 4) == ["1", "2", "30", "40"]
    assert (b.asked, b.recalled) == (2, 2)
    with begin("a"):
        assert steps_of(drawing([]), 4) == ["1", "2", "3", "4"]
    with begin("b") as b:
        assert steps_of(drawing([]), 4) == ["1", "2", "30", "40"]
    with begin("b", fork="a", step=2) as b:
        assert steps_of(drawing([]), 4) == ["1", "2", "30", "40"]


def test_forks_of_forks(begin):
    with begin("a"):
        steps_of(drawing([1, 2, 3]), 3)
    with begin("b", fork="a", step=2):
        steps_of(drawing([30, 40]), 4)
    with begin("c", fork="b", step=3):
        assert steps_of(drawing([400]), 4) == ["1", "2", "30", "400"]
    with begin("d", fork="b", step=1):
        assert steps_of(drawing([20, 300]), 3) == ["1", "20", "300"]
    with begin("e", fork="c", step=0):
        assert steps_of(drawing([10]), 1) == ["10"]
    with begin("f", fork="c"):
        assert steps_of(drawing([5]), 5) == ["1", "2", "30", "400", "5"]


def test_a_fork_has_the_chance_of_its_parent(begin):
    with begin("a"):
        drawn = random.random()
    with begin("b", fork="a"):
        assert random.random() == drawn


def test_what_cannot_be_forked_is_refused(begin):
    with begin("a"):
        steps_of(drawing([1]), 1)
    for how, why in (
        ({"fork": "x"}, "there is no run 'x' .*'a'"),
        ({"fork": "a", "step": 2}, "not come to step 2; its last one is 1"),
    ):
        with pytest.raises(StoreError, match=why), begin("b", **how):
            pass
    with pytest.raises(ArgumentError, match="give fork="), begin("b", step=1):
        pass
    with pytest.raises(StoreError, match="no fork of 'a'"), begin("a", fork="a"):
        pass
