"""SPEC 12 A.1 and A.2 through the whole optimizer, with our expectations."""

import json

import numpy as np
import pytest

from opto.formats import TagFormat
from opto.llm import DummyLLM, ScriptedLLM
from opto.optimizers import OptoPrime
from opto.trace import bundle, node
from tests.optimizers.answers import suggests


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def step(value, reply, **options):
    """One step of a program with one parameter; its value, what the step says, and the calls."""
    p = node(value, name="p", trainable=True)

    @bundle()
    def use(p):
        return 1

    model = ScriptedLLM([reply, reply])
    optimizer = OptoPrime([p], llm=model, **options)
    optimizer.zero_feedback()
    optimizer.backward(use(p), "change it")
    update = optimizer.step()
    return p.data, update, 2 - model.left


def test_the_problem_of_one_small_program():
    """SPEC 12 A.1."""
    x = node(3, name="x", trainable=True)
    b = node(1, name="b")
    z = scale(x) + b
    w = z * x
    optimizer = OptoPrime([x], llm=ScriptedLLM([]))
    optimizer.zero_feedback()
    optimizer.backward(w, "make it larger")
    problem = optimizer.problem_instance(optimizer.summarize())
    assert problem.code.splitlines() == [
        "scale0 = scale(v=x0, k=k0)",
        "add0 = add(x=scale0, y=b0)",
        "multiply0 = multiply(x=add0, y=x0)",
    ]
    assert "[scale] Multiply by k" in problem.documentation.splitlines()
    assert problem.variables == "(int) x0=3"
    assert problem.constraints == ""
    assert sorted(problem.inputs.splitlines()) == ["(int) b0=1", "(int) k0=2"]
    assert problem.others.splitlines() == ["(int) scale0=6", "(int) add0=7"]
    assert problem.outputs == "(int) multiply0=21"
    assert problem.feedback == "make it larger"


def test_the_problem_of_a_parameter_that_is_the_output():
    x = node(3, name="x", trainable=True)
    optimizer = OptoPrime([x], llm=ScriptedLLM([]))
    optimizer.backward(x, "larger")
    problem = optimizer.problem_instance(optimizer.summarize())
    assert problem.variables == "(int) x0=3"
    assert {problem.code, problem.documentation, problem.inputs, problem.others} == {""}
    assert problem.outputs == ""


class K:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, K) and other.value == self.value

    __hash__ = None


TAKEN = {
    "int from text": (3, "5", 5),
    "int from whole float": (3, 5.0, 5),
    "float from text": (3.5, "5", 5.0),
    "bool from text": (True, "False", False),
    "list from text": ([0], "[1, 2]", [1, 2]),
    "dict from text": ({"a": 1}, "{'a': 2}", {"a": 2}),
    "tuple from list": ((1, 2), [3, 4], (3, 4)),
    "anything for None": (None, "x", "x"),
    "text from number": ("a", 5, "5"),
    "prose with def": ("a", "English by default. Undefined otherwise.", None),
    "prose with terminate": ("a", "Say TERMINATE when done.", None),
    "text that looks like code": ("a", "def  f( x ): return x", None),
    "own class": (K(1), 2, K(2)),
    "array": (np.zeros(2), [1, 2], np.array([1.0, 2.0])),
}


@pytest.mark.parametrize(("value", "given", "result"), TAKEN.values(), ids=TAKEN)
def test_a_suggestion_of_another_type_is_converted(value, given, result):
    data, update, calls = step(value, suggests(p0=given))
    assert type(data) is type(given if result is None or value is None else value)
    assert np.array_equal(data, given if result is None else result)
    assert (bool(update), update.refused, calls) == (True, (), 1)


IN_TAGS = {name: row for name, row in TAKEN.items() if name != "anything for None"}


@pytest.mark.parametrize(("value", "given", "result"), IN_TAGS.values(), ids=IN_TAGS)
def test_a_suggestion_in_tags_is_converted_as_well(value, given, result):
    data, update, calls = step(value, TagFormat().write({"p0": given}), dialect="tagged")
    assert type(data) is type(given if result is None else value)
    # What comes in tags is text: a class of one's own gets it as it is.
    expected = K("2") if isinstance(value, K) else given if result is None else result
    assert np.array_equal(data, expected)
    assert (bool(update), update.refused, calls) == (True, (), 1)


REFUSED = {
    "int from fraction": (3, 5.7),
    "int from text of fraction": (3, "5.7"),
    "int from word": (3, "abc"),
    "text from object": ("a", {"x": 1}),
    "array of another shape": (np.zeros(2), [1, 2, 3]),
    "bool from word": (True, "perhaps"),
}


@pytest.mark.parametrize(("value", "given"), REFUSED.values(), ids=REFUSED)
def test_what_would_lose_something_is_refused_visibly(value, given):
    data, update, calls = step(value, suggests(p0=given))
    assert np.array_equal(data, value)
    assert not update
    assert update.refused[0].name == "p0"
    assert calls == 2  # it was asked once more


def test_a_parameter_named_like_code_needs_no_constraint():
    """SPEC 11.C10: an AttributeError in the second version of the original."""
    code = node("def f(x):\n    return x", name="my__code", trainable=True)
    optimizer = OptoPrime([code], llm=ScriptedLLM([suggests(my__code0="def g(x): return x")] * 2))
    optimizer.backward(code.len(), "shorter")
    assert "must define the function f" in optimizer.step().refused[0].why


def test_refusals_raise_on_request():
    with pytest.raises(ValueError, match="p0: it must be a whole number, not 'abc'"):
        step(3, suggests(p0="abc"), ignore_extraction_error=False)
    with pytest.raises(ValueError, match="no JSON object"):
        step(3, "nonsense", ignore_extraction_error=False)


READ = {
    "fence": "```json\n" + suggests(p0=5) + "\n```",
    "preamble": "Sure. " + suggests(p0=5),
    "trailing comma": '{"suggestion": {"p0": 5,}}',
    "raw line end": '{"reasoning": "a\nb", "suggestion": {"p0": 5}}',
    "no suggestion key": '{"p0": 5}',
    "name with colon": '{"suggestion": {"p:0": 5}}',
}


@pytest.mark.parametrize("reply", READ.values(), ids=READ)
def test_forms_of_answers_that_are_read(reply):
    assert step(3, reply)[::2] == (5, 1)


@pytest.mark.parametrize(("value", "given"), list(REFUSED.values())[:3])
def test_what_would_lose_something_is_refused_in_tags(value, given):
    data, update, calls = step(value, TagFormat().write({"p0": given}), dialect="tagged")
    assert (data, bool(update), update.refused[0].name, calls) == (value, False, "p0", 2)


UNREAD = {
    "no JSON": "I think p0 should be 5.",
    "empty": "",
    "a list": '{"suggestion": [5]}',
    "unknown name": '{"suggestion": {"q0": 5}}',
}


@pytest.mark.parametrize("reply", UNREAD.values(), ids=UNREAD)
def test_forms_of_answers_that_change_nothing_and_say_so(reply):
    data, update, calls = step(3, reply)
    assert (data, bool(update), calls) == (3, False, 2)
    assert update.failure or update.refused


def test_terminate_changes_nothing_and_is_told_apart():
    """SPEC 11.C18: no change wanted is not the same as not understood."""
    data, update, calls = step(3, "TERMINATE")
    assert (data, bool(update), update.stop, update.failure, calls) == (3, False, True, None, 1)


def test_two_variables_and_a_trailing_comma():
    """SPEC 11.C1: the original wrote both values into the first."""
    a, b = (node("old", name=name, trainable=True) for name in "ab")
    model = ScriptedLLM(['{"suggestion": {"a0": "A1", "b0": "B1",}}'])
    optimizer = OptoPrime([a, b], llm=model)
    optimizer.backward(a + b, "change")
    optimizer.step()
    assert (a.data, b.data) == ("A1", "B1")


def test_code_is_formatted_and_other_text_is_not():
    pytest.importorskip("black")

    @bundle(trainable=True)
    def run(x):
        return x

    optimizer = OptoPrime(
        [run.parameter], llm=ScriptedLLM([suggests(__code0="def run( x ): return  -x")])
    )
    optimizer.backward(run(3), "negative")
    assert optimizer.step()
    assert run.parameter.data == "def run(x):\n    return -x"
    assert run(3).data == -3


def test_content_that_is_none_is_an_empty_answer():
    """SPEC 11.C4."""
    x = node(3, trainable=True)
    message = {"choices": [{"message": {"content": None}}]}
    optimizer = OptoPrime([x], llm=lambda **asked: message)
    optimizer.backward(x + 1, "larger")
    update = optimizer.step()
    assert (x.data, update.failure) == (3, "the answer is empty")


def test_a_model_in_the_originals_convention_is_called_as_there():
    calls = []

    def complete(*args, **kwargs):
        calls.append((args, sorted(kwargs)))
        return suggests(x0=4)

    x = node(3, name="x", trainable=True)
    optimizer = OptoPrime([x], llm=DummyLLM(complete))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert x.data == 4
    assert calls == [((), ["max_tokens", "messages", "response_format"])]
    assert json.loads(optimizer.log[0]["response"])["suggestion"] == {"x0": 4}
