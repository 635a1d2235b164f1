"""What was learned runs by itself, in a Python that has never heard of the library."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.trace.export import plain_python
from opto.trace.export.literals import literal
from opto.trace.projections import BlackCodeFormatter
from tests.support.exported import AGENT, alone, program, the_same, trained


def test_a_trained_agent_runs_by_itself(tmp_path):
    made = program(tmp_path, AGENT)
    text = the_same(tmp_path, made, trained(made))
    assert "self.prompt = 'hello'" in text
    assert "self.a, self.b = 100, 2" in text
    assert "return helper(x) * 7" in text
    assert "return x * k + 0.5" in text


def test_an_agent_that_was_not_trained_runs_by_itself(tmp_path):
    made = program(tmp_path, AGENT)
    the_same(tmp_path, made, made.Agent())


def test_comments_and_docstrings_stay(tmp_path):
    made = program(tmp_path, AGENT)
    text = the_same(tmp_path, made, trained(made))
    for words in (
        "# how many",
        "# What it helps with.",
        '"""Help."""',
        "# A comment.",
        "# About the agent.",
        '"""An agent."""',
        "# a class attribute",
        "# The prompt.",
        '"""Act."""',
        "# Better now.",
    ):
        assert words in text


def test_only_what_is_needed_comes_along(tmp_path):
    made = program(tmp_path, AGENT)
    text = the_same(tmp_path, made, trained(made))
    for word in ("UNUSED", "opto", "bundle", "model", "description", "Node"):
        assert not re.search(rf"\b{word}\b", text)
    assert text.index("import math") < text.index("LIMIT = 3") < text.index("def helper")


@pytest.mark.parametrize(
    "words",
    ["hello", "1 + 1", "None", "[]", "f()", "'quoted'", 'a "b"', "back\\slash", "ünï", "", "{x}"],
)
def test_text_is_written_as_text_never_as_code(tmp_path, words):
    """B6: a prompt that reads as an expression was written as one."""
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    agent.prompt._set(words)
    agent.export(tmp_path / "a.py")
    assert alone(tmp_path / "a.py", "Agent().prompt") == repr(words)


def test_long_words_are_written_in_lines(tmp_path):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    words = "\n".join(f"Line {i}: 'some' \"words\" of a long prompt." for i in range(5)) + "\n\t"
    agent.prompt._set(words)
    agent.export(tmp_path / "a.py")
    assert alone(tmp_path / "a.py", "Agent().prompt") == repr(words)
    assert max(map(len, (tmp_path / "a.py").read_text().splitlines())) <= 88


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
    | st.builds(bytearray, st.binary())
    | st.just(...),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.text() | st.integers())
        | st.frozensets(st.text())
    ),
    max_leaves=15,
)


@given(PLAIN)
def test_a_literal_gives_the_same_value_back(value):
    again = eval(literal(value, "x"))  # noqa: S307
    assert again == value
    assert types_in(again) == types_in(value)


def types_in(value):
    inside = []
    if isinstance(value, list | tuple):
        inside = [*map(types_in, value)]
    elif isinstance(value, dict):
        inside = [(types_in(key), types_in(item)) for key, item in value.items()]
    return type(value), inside


@given(st.text(st.sampled_from("ab\n\r\t\\'\" é"), max_size=300))
def test_long_text_gives_the_same_text_back(words):
    assert eval(literal(words, "x", "    ")) == words  # noqa: S307


def test_projections_see_the_whole_file(tmp_path):
    made = program(tmp_path, AGENT)
    agent = trained(made)
    plain_text = plain_python(agent)
    agent.export(
        tmp_path / "a.py", projections=[BlackCodeFormatter(), lambda text: text + "# end\n"]
    )
    text = (tmp_path / "a.py").read_text()
    assert text.endswith("# end\n")
    assert 'self.prompt = "hello"' in text
    assert "self.prompt = 'hello'" in plain_text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain_text))
