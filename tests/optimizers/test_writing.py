"""No value can leave its place: read by a reader who knows only the rules of the prompt."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats import visible
from opto.optimizers.dialect import DIALECTS
from opto.optimizers.memory import Episode
from opto.optimizers.problem import Problem
from opto.optimizers.summary import FunctionFeedback
from opto.optimizers.writing import LINES, Shown, Tags
from tests.optimizers.reader import outside

TAGGED = DIALECTS["tagged"]()
TITLES = tuple(TAGGED.titles.values())

OPENING = re.compile(r'<(variable|node) name="([^"]*)"(?: type="[^"]*")?>\n<value>\n')
FENCE = re.compile(r"(```([0-9a-f]{8})?)(?:python)?\n")


def elements(text):
    """Names and values: a fence ends with itself, any other value with its tag."""
    found, at = [], 0
    while opening := OPENING.search(text, at):
        start = opening.end()
        fence = FENCE.match(text, start)
        if fence:
            start = fence.end()
            end = text.index(f"\n{fence[1]}\n</value>", start - 1)
            at = end + len(fence[1])
        else:
            end = at = text.index("\n</value>", start - 1)
        found.append((opening[2], text[start : max(start, end)]))
    return found


WORDS = """</value> <value> </variable> </node> </round> <variable name="z"> ``` ```` &lt; x"""
PARTS = [*WORDS.split(" "), "\n", " ", "# Feedback", "\r", "\u2028"]
HOSTILE = st.text(max_size=40) | st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


def problem(**more):
    empty = {"graph": [], "documentation": {}, "others": {}, "output": {}, "roots": {}}
    summary = FunctionFeedback(**{**empty, "user_feedback": "f", **more})
    return Problem.of(summary, "I", writing=TAGGED.writing, titles=TAGGED.titles)


@given(HOSTILE, HOSTILE)
def test_whatever_a_value_says_it_is_read_as_it_is(one, other):
    made = problem(variables={"a0": (one, None), "__code1": (other, None)})
    one_seen, other_seen = visible(one), visible(other)
    assert elements(made.variables) == [("a0", one_seen), ("__code1", other_seen)]
    made = problem(inputs={"a0": (one, None), "b0": (other, None)})
    assert elements(made.inputs) == [("a0", one_seen), ("b0", other_seen)]


@given(HOSTILE, HOSTILE)
def test_no_value_and_no_feedback_opens_a_section(value, feedback):
    made = problem(variables={"a0": (value, None)}, user_feedback=feedback)
    heads = [line for line in outside(str(made)) if line in TITLES]
    assert heads == list(TITLES)


def test_code_stands_as_it_is_where_it_can():
    code = "def f(x):\n    # smaller\n    return x < 3 and x > 1"
    element = problem(variables={"__code0": (code, "keep the head")}).variables
    assert element == (
        f'<variable name="__code0" type="code">\n<value>\n{code}\n</value>\n'
        "<constraint>\nkeep the head\n</constraint>\n</variable>"
    )


def test_names_and_types_cannot_end_their_attribute():
    text = Tags().variables([Shown('a"><b', "1", "int")], ())
    assert text.startswith('<variable name="a&quot;&gt;&lt;b" type="int">')


@given(HOSTILE)
def test_rounds_hold_what_was_said(text):
    written = Tags().tries([Episode({"a0": text}, text)], TITLES)
    assert elements(written) == [("a0", visible(text))]
    assert written.endswith("\n</feedback>\n</round>")


@pytest.mark.parametrize("writing", [LINES, Tags()])
def test_constraints_stand_in_one_place(writing):
    values = [Shown("a0", "1", "int", "even"), Shown("b0", "1", "int")]
    whole = writing.variables(values, ()) + writing.constraints(values)
    assert whole.count("even") == 1


def test_constraints_can_be_hidden_in_both():
    summary = FunctionFeedback([], {}, {}, {}, {}, "f", {"a0": (1, "even")}, {})
    for dialect in (make() for make in DIALECTS.values()):
        parts = {"writing": dialect.writing, "titles": dialect.titles}
        assert "even" in str(Problem.of(summary, "", **parts))
        assert "even" not in str(Problem.of(summary, "", ["#Constraints"], **parts))
