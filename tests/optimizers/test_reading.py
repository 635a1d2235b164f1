from pathlib import Path

import pytest

from opto.errors import AnswerError
from opto.formats import Field, JSONFormat, Parsed
from opto.llm import Reply
from opto.optimizers.code import Head
from opto.optimizers.fields import wanted
from opto.optimizers.problem import Problem
from opto.optimizers.proposal import Proposal, Refusal
from opto.optimizers.reading import answer_in, proposal_of, typed
from opto.trace import node

PROBLEM = Problem(
    current={"x0": 3, "s0": "a", "__code0": "def f(x):\n    return x"},
    heads={"__code0": Head("f", "x")},
)


def test_values_are_brought_to_their_types():
    parsed = Parsed("r", values={"x0": "5", "s0": "b"}, repairs=("a comment",))
    assert proposal_of(parsed, PROBLEM) == Proposal(
        {"x0": 5, "s0": "b"}, given={"x0": "5", "s0": "b"}, reasoning="r", repairs=("a comment",)
    )


def test_present_values_are_no_changes():
    assert proposal_of(Parsed(values={"x0": 3.0, "s0": "a"}), PROBLEM).unchanged == ("x0", "s0")


def test_every_value_that_is_not_taken_has_a_reason():
    parsed = Parsed(
        values={"x0": "five", "s0": "b"}, refused={"__code0": "cut off"}, unknown={"z": 1}
    )
    proposal = proposal_of(parsed, PROBLEM)
    assert proposal.values == {"s0": "b"}
    assert proposal.refused == (
        Refusal("__code0", "", "cut off"),
        Refusal("x0", "'five'", "it must be a whole number, not 'five'"),
        Refusal("z", "1", "there is no variable of this name; there is x0, s0, __code0"),
    )


def test_code_is_held_to_its_head_and_liberties_are_named():
    code = "```\ndef f(x):\n    return 2 * x\n```"
    proposal = proposal_of(Parsed(values={"__code0": code}), PROBLEM)
    assert proposal.values == {"__code0": "def f(x):\n    return 2 * x"}
    assert proposal.repairs == ("a fence round the code",)
    with pytest.raises(AnswerError, match="must define the function f"):
        typed("__code0", "def g(x): ...", PROBLEM)


def test_code_that_python_cannot_digest_is_refused():
    deep = "def f(x):\n    return x" + ".a" * 20_000
    proposal = proposal_of(Parsed(values={"__code0": deep}), PROBLEM)
    assert set(proposal.values) | {r.name for r in proposal.refused} == {"__code0"}


@pytest.mark.parametrize(
    ("present", "said", "meant"),
    [
        (1.0, "about 3.5", 3.5),
        (1.0, "≈ -2.", -2.0),
        (1, "approx. 7", 7),
        (1, "= 7.", 7),
    ],
)
def test_a_number_that_is_said_to_be_near_is_taken_and_that_is_named(present, said, meant):
    problem = Problem(**wanted({"x0": node(present, trainable=True)}))
    value, liberties = typed("x0", said, problem)
    assert (value, type(value)) == (meant, type(meant))
    assert liberties[0].startswith(f"{said!r} read as")


@pytest.mark.parametrize(
    ("present", "said", "meant"),
    [
        (1, "x0 = 7", 7),
        (1.0, "`x0`: -2.5", -2.5),
        (1, "x0 := about 7", 7),
        ([1], "x0 = [2, 3]", [2, 3]),
        (True, "x0: no", False),
    ],
)
def test_a_value_that_is_written_as_an_assignment_is_taken_and_that_is_named(present, said, meant):
    problem = Problem(**wanted({"x0": node(present, trainable=True)}))
    value, liberties = typed("x0", said, problem)
    assert (value, type(value)) == (meant, type(meant))
    assert liberties[0].startswith(f"{said!r} read as")


@pytest.mark.parametrize("said", [{"value": 7}, {"type": "int", "value": "7", "name": "x0"}])
def test_a_value_in_an_object_that_describes_it_is_taken_and_that_is_named(said):
    problem = Problem(**wanted({"x0": node(1, trainable=True)}))
    assert typed("x0", said, problem) == (7, ("the value of 'x0' in an object that describes it",))


@pytest.mark.parametrize("said", [{"value": 7, "name": "y0"}, {"value": 7, "unit": "m"}, {"x": 7}])
def test_a_value_in_another_object_is_none(said):
    problem = Problem(**wanted({"x0": node(1, trainable=True)}))
    with pytest.raises(AnswerError, match="must be a whole number"):
        typed("x0", said, problem)


def test_an_object_is_taken_whole_where_one_is_asked_for():
    problem = Problem(**wanted({"x0": node({"value": 1}, trainable=True)}))
    assert typed("x0", {"value": 7}, problem) == ({"value": 7}, ())


@pytest.mark.parametrize("said", ["x0 = x0 + 1", "-x0 = 5", "x1 = 5", "x0 = 5 or 6", "x0 ="])
def test_an_assignment_of_something_else_is_none(said):
    problem = Problem(**wanted({"x0": node(1, trainable=True)}))
    with pytest.raises(AnswerError):
        typed("x0", said, problem)


@pytest.mark.parametrize("present", ["a", Path("a")])
def test_a_text_may_look_like_an_assignment(present):
    problem = Problem(**wanted({"x0": node(present, trainable=True)}))
    value, liberties = typed("x0", "x0 = 5", problem)
    assert (value, liberties) == (type(present)("x0 = 5"), ())


@pytest.mark.parametrize(
    "said",
    ["2x", "more than 3", "3 or 4", "increase by 2", "about half", "3 apples", "50%", "1,000", "-"],
)
@pytest.mark.parametrize("present", [1.0, 1])
def test_a_number_among_other_words_is_none(present, said):
    problem = Problem(**wanted({"x0": node(present, trainable=True)}))
    with pytest.raises(AnswerError, match="number"):
        typed("x0", said, problem)


def test_words_of_nearness_are_for_numbers_alone():
    problem = Problem(**wanted({"s0": node("text", trainable=True)}))
    assert typed("s0", "about 3", problem) == ("about 3", ())


def reply(content=None, *arguments, **more):
    calls = [{"function": {"name": "set", "arguments": given}} for given in arguments]
    message = {"content": content, "tool_calls": calls, **more}
    return Reply.read({"choices": [{"message": message}]})


CALLS = {
    "one": (reply(None, '{"x0": 5}'), '{"x0": 5}'),
    "an object": (reply("", {"x0": 5}), '{"x0": 5}'),
    "several": (reply(None, '{"x0": 5}', '{"s0": "b"}'), '{"x0": 5, "s0": "b"}'),
    "several of a suggestion": (
        reply(None, '{"suggestion": {"x0": 5}}', {"suggestion": {"s0": "b"}}),
        '{"suggestion": {"x0": 5, "s0": "b"}}',
    ),
    "several of a name": (
        reply(None, '{"name": "x0", "value": 5}', '{"name": "s0", "value": {"a": 1}}'),
        '{"x0": 5, "s0": {"a": 1}}',
    ),
    "one that is torn": (reply(None, '{"x0": 5}', '{"s0": "b'), '{"x0": 5}\n{"s0": "b'),
    "beside words": (reply("So:", '{"x0": 5}'), 'So:\n{"x0": 5}'),
    "none": (reply("words", "", None), "words"),
    "the old way": (reply(None, function_call={"arguments": '{"x0": 5}'}), '{"x0": 5}'),
    "no list": (Reply.read({"choices": [{"message": {"content": "a", "tool_calls": 3}}]}), "a"),
    "numbers": (reply("a", 3, [1]), "a\n[1]"),
    "thoughts": (reply("[THINK]a[/THINK]b"), "<think>a</think>b"),
}


@pytest.mark.parametrize(("said", "text"), CALLS.values(), ids=CALLS)
def test_what_an_answer_says_by_calling_tools(said, text):
    assert answer_in(said) == text


def test_a_call_of_another_tool_hides_no_answer():
    answer = answer_in(reply('{"suggestion": {"x0": 7}}', '{"query": "who?"}'))
    assert JSONFormat().parse(answer, PROBLEM.fields or [Field.of("x0", 3)]).values == {"x0": 7}
