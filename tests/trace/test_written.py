"""Whose code a parameter holds: the user's, an optimizer's, a file's."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from opto.trace import Module, bundle, node
from opto.trace.tape import STEP
from opto.trace.written import Answered, held, is_foreign, mark, steps

NEW, NEWER = "def f(x):\n    return x + 1", "def f(x):\n    return x + 2"


@pytest.fixture
def code():
    @bundle(trainable=True)
    def f(x):
        return x

    return f.parameter


def test_what_the_user_writes_is_the_users(code):
    assert code.foreign is False
    code._set(NEW)
    assert code.foreign is False
    code._data = NEWER
    assert code.foreign is False


@pytest.mark.parametrize("way", ["_set", "_data"])
def test_what_a_step_writes_is_foreign_during_the_step_and_after(code, way):
    with steps([code]):
        if way == "_set":
            code._set(NEW)
        else:
            code._data = NEW
        assert code.foreign is True
    assert code.foreign is True
    assert STEP.get() is None


def test_a_text_that_is_put_back_is_whose_it_was(code):
    code._set(NEWER)
    with steps([code]):
        code._set(NEW)
    code._set(NEWER)
    assert code.foreign is False
    code._set(NEW)  # the best so far, kept by the user's program
    assert code.foreign is True


def test_what_a_step_tries_and_takes_back_stays_the_users(code):
    code._set(NEWER)
    with steps([code]):
        code._set(NEW)
        code._set(NEWER)
        assert code.foreign is False
    assert code.foreign is False


def test_a_step_within_a_step_does_not_make_the_users_text_foreign(code):
    code._set(NEWER)
    with steps([code]):
        with steps([code]):
            code._set(NEW)
        with steps([code]):
            code._set(NEWER)
    assert code.foreign is False
    code._set(NEW)
    assert code.foreign is True


def test_a_step_that_fails_has_written_what_it_has_written(code):
    def fail():
        with steps([code]):
            code._data = NEW
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert code.foreign is True


def test_copies_know_what_the_others_were_given(code):
    twin = copy.deepcopy(code)
    with steps([code]):
        code._set(NEW)
    assert twin.foreign is False
    twin._data = code._data
    assert twin.foreign is True
    assert copy.copy(code).foreign is True
    assert copy.deepcopy(code).foreign is True


def test_a_node_brings_its_mark_along(code):
    @bundle(trainable=True)
    def f(x):
        return x

    with steps([code]):
        code._set(NEW)
    f.parameter._set(code)
    assert f.parameter.foreign is True


@pytest.mark.parametrize("foreign", [True, False])
def test_a_pickle_keeps_the_mark(code, foreign):
    if foreign:
        with steps([code]):
            code._set(NEW)
    again = pickle.loads(pickle.dumps(code))  # noqa: S301 - our own
    assert again.foreign is foreign
    again._set(NEWER)
    assert again.foreign is False


def test_pickles_of_earlier_versions_are_read(code):
    rebuild, (made, projections, _) = code.__reduce__()
    again = rebuild(made, projections)
    assert (again.data, again.foreign) == (code.data, False)


def test_plain_parameters_have_no_author():
    prompt = node("Be brief.", trainable=True)
    with steps([prompt]):
        prompt._set("Be long.")
    mark(prompt)
    assert prompt.foreign is False
    assert is_foreign(prompt) is False


def test_code_that_is_no_text_is_not_foreign(code):
    with steps([code]):
        code._set(["no", "text"])
    assert code.foreign is False


def test_a_copy_made_within_a_step_and_written_there_is_foreign(code):
    with steps([code]):
        twin = copy.deepcopy(code)
        assert twin.foreign is False
        twin._data = NEW
        assert twin.foreign is True


def test_another_function_that_the_user_wrote_is_not_made_foreign_by_a_step(code):
    @bundle(trainable=True)
    def f(x):
        return x

    f.parameter._set(NEWER)
    with steps([code]):
        assert f.parameter.foreign is False


def test_values_taken_over_by_a_module_keep_their_mark():
    class Agent(Module):
        @bundle(trainable=True)
        def act(self, x):
            return x

    one, two = Agent(), Agent()
    text = "def act(self, x):\n    return x + 1"
    assert [one.act.parameter.foreign, two.act.parameter.foreign] == [False, False]
    with steps(one.parameters()):
        one.act.parameter._set(text)
    two._set({"act": one.act.parameter})
    assert two.act.parameter.foreign is True
    two._set({"act": "def act(self, x):\n    return x"})
    assert two.act.parameter.foreign is False


def test_errors_of_this_process_were_not_held():
    assert held(ValueError("x")) is None
    strange = ValueError("x")
    strange.__foreign__ = "no Held"
    assert held(strange) is None


def test_an_answer_cannot_be_changed():
    assert replace(Answered(1, "process"), value=2) == Answered(2, "process", ())
    with pytest.raises(AttributeError):
        Answered(1, "process").value = 2
