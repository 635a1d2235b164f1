"""Values are brought into form where nothing is lost, and refused with a reason elsewhere."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ModelMissing, NodeError
from opto.trace import node
from opto.trace.projections import (
    BlackCodeFormatter,
    Check,
    Choices,
    DocstringProjection,
    Pattern,
    Projection,
    Range,
    Schema,
)


def test_a_projection_is_called_like_a_function():
    class Lower(Projection):
        def project(self, x):
            return x.lower()

    assert Lower()("A") == Lower().project("A") == "a"
    assert node("A", trainable=True, projections=[Lower()]).projections[0]("B") == "b"


def test_a_projection_must_say_what_it_does():
    with pytest.raises(TypeError, match="abstract"):
        type("Empty", (Projection,), {})()


# -- Range -------------------------------------------------------------------------------


@given(st.integers(-50, 50))
def test_range_keeps_what_is_inside_and_refuses_the_rest(x):
    if -10 <= x <= 20:
        assert Range(-10, 20)(x) is x
    else:
        with pytest.raises(NodeError, match=f"{x} is not between -10 and 20"):
            Range(-10, 20)(x)
    assert Range(-10, 20, clip=True)(x) == min(max(x, -10), 20)


def test_range_may_be_open():
    assert Range(low=0)(10**9) == 10**9
    assert Range(high=0)(-5.5) == -5.5


@pytest.mark.parametrize("x", ["5", True, None, [5], float("nan"), 1j])
def test_range_takes_numbers_only(x):
    with pytest.raises(NodeError):
        Range(0, 10, clip=True)(x)


@pytest.mark.parametrize(
    ("bounds", "x", "taken"),
    [
        ((0.5, 9.5), 70, 9),
        ((0.5, 9.5), -3, 1),
        ((0, 10), 70.5, 10.0),
        ((0, 10), np.int8(70), np.int8(10)),
        ((0, 1), Fraction(3, 2), Fraction(1)),
    ],
)
def test_a_number_is_clipped_to_one_of_its_own_type(bounds, x, taken):
    got = Range(*bounds, clip=True)(x)
    assert got == taken
    assert type(got) is type(taken)


def test_a_bound_that_no_number_of_the_type_keeps_to_is_refused():
    with pytest.raises(NodeError, match=r"5 is not between 0\.2 and 0\.8"):
        Range(0.2, 0.8, clip=True)(5)


def test_a_range_without_numbers_is_refused():
    with pytest.raises(NodeError, match="no number in it"):
        Range(5, 1)


# -- Choices -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "taken"),
    [("red", "red"), (" Red\n", "red"), ('"GREEN"', "green"), (1, 1), (1.0, 1), (True, True)],
)
def test_choices_take_what_names_one_of_them(x, taken):
    got = Choices("red", "green", 1, True)(x)
    assert got == taken
    assert type(got) is type(taken)


@pytest.mark.parametrize("x", ["blue", "re", 2, None, False, []])
def test_choices_refuse_the_rest_and_say_what_there_is(x):
    with pytest.raises(NodeError, match="none of 'red', 'green', 1"):
        Choices("red", "green", 1)(x)


def test_true_is_not_one():
    with pytest.raises(NodeError):
        Choices(0, 1)(True)


def test_text_that_names_two_choices_is_refused():
    assert Choices("a", "A")("A") == "A"
    with pytest.raises(NodeError):
        Choices("a", "A")(" a ")


class Hue(Enum):
    RED = 1
    GREEN = 2


@pytest.mark.parametrize("options", [["a", "b"], ("a", "b"), {"a", "b"}])
def test_choices_may_come_as_one_list(options):
    assert set(Choices(options).options) == {"a", "b"}
    assert Choices(options)("a") == "a"


def test_choices_may_be_an_enum_or_a_range():
    assert Choices(Hue).options == (Hue.RED, Hue.GREEN)
    assert Choices(range(3)).options == (0, 1, 2)
    assert Choices([1], [2])([1]) == [1]
    assert Choices("ab").options == ("ab",)


@pytest.mark.parametrize("options", [(), ([],)])
def test_there_must_be_something_to_choose(options):
    with pytest.raises(NodeError, match="needs values to choose from"):
        Choices(*options)


# -- Pattern -----------------------------------------------------------------------------


def test_pattern_matches_from_end_to_end():
    assert Pattern("[a-z]+")("abc") == "abc"
    assert Pattern("[a-z]+")(" abc\n") == "abc"
    assert Pattern(" a ")(" a ") == " a "
    for x in ("abc1", "a b", 5, None):
        with pytest.raises(NodeError, match="does not match the pattern"):
            Pattern("[a-z]+")(x)


def test_a_pattern_must_be_one():
    with pytest.raises(NodeError, match="is not a regular expression"):
        Pattern("(")


# -- BlackCodeFormatter ------------------------------------------------------------------


def test_black_formats_code():
    assert BlackCodeFormatter()("def f( x ):\n  return  x") == "def f(x):\n    return x"
    assert BlackCodeFormatter()("x = 1  \n") == "x = 1\n"
    assert BlackCodeFormatter(line_length=20)("f(aaaaaaaa, bbbbbbbb, cc)").count("\n") > 1


@pytest.mark.parametrize(
    "x", ["Answer in English by default.", "def f(:", "def f(x):\nreturn x", "a\x00b", 5, None, [1]]
)
def test_what_is_no_code_is_left_alone(x):
    """STYLE 3.3: text with a "def" in it used to be refused because black could not read it."""
    assert BlackCodeFormatter()(x) == x


def test_black_is_loaded_by_its_first_use_and_its_absence_is_explained():
    code = (
        "import sys; from opto.trace.projections import BlackCodeFormatter as F; f = F()\n"
        "assert 'black' not in sys.modules\n"
        "sys.modules['black'] = None\n"
        "assert f('no code here') == 'no code here'\n"
        "f('x=1')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModelMissing" in done.stderr
    assert "pip install black" in done.stderr
    assert issubclass(ModelMissing, ImportError)


# -- DocstringProjection -----------------------------------------------------------------

CASES = {
    "none": "def f(x):\n    # why\n    return x  # what\n",
    "old": 'def f(x):\n    """Old words.\n\n    Of two lines.\n    """\n    return x',
    "single quotes": "def f(x):\n    'Old.'\n    return x",
    "one line": "def f(x): return x",
    "one line of two": "def f(x): y = x; return y",
    "one line, old": "def f(x): 'Old.'; return x",
    "decorated": "@staticmethod\ndef f(x):\n\treturn x",
    "inner": "def f(x):\n    @staticmethod\n    def g(): return 1\n    return x",
    "long head": "def f(\n    x,\n    y=':',\n) -> 'int':\n    return x",
    "async": "import os\n\n\nasync def f(x):\n    return x",
    "non-ascii": "def f(ä, b='ß'):\n    'Älter.'; return ä",
    "only words": "def f(x):\n    'Old.'\n",
}


@pytest.mark.parametrize("code", CASES.values(), ids=CASES)
@pytest.mark.parametrize("words", ["New.", "New.\n\n    Longer, with a \\n.\n      * item"])
def test_the_docstring_is_put_in_and_the_rest_stays(code, words):
    new = DocstringProjection(words)(code)
    assert doc(new) == inspect.cleandoc(words)
    assert without_doc(new) == without_doc(code)
    assert DocstringProjection(words)(new) == new
    for comment in ("# why", "# what"):
        assert (comment in new) == (comment in code)


@given(st.text())
def test_any_words_become_a_docstring(words):
    new = DocstringProjection(words)("def f(x):\n    return x")
    assert doc(new) == inspect.cleandoc(inspect.cleandoc(words))


def function_in(code):
    return next(
        n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def doc(code):
    return ast.get_docstring(function_in(code))


def without_doc(code):
    tree = ast.parse(code)
    for found in tree.body:
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(found):
            del found.body[0]
    return ast.dump(tree)


@pytest.mark.parametrize("x", ["no code, by def", "x = 1", "class A:\n    pass", 5, None])
def test_what_defines_no_function_is_left_alone(x):
    assert DocstringProjection("New.")(x) == x


# -- Schema, Check -----------------------------------------------------------------------


def test_a_schema_takes_values_as_they_are_or_says_what_is_wrong():
    keeps = Schema({"type": "array", "items": {"type": "integer"}})
    value = (1, 2)
    assert keeps(value) is value
    text = "[1, 2]"
    assert keeps(text) is text
    with pytest.raises(NodeError, match=r"at \$\[1\]: 'two' is not of type 'integer'"):
        keeps([1, "two"])
    with pytest.raises(NodeError, match="no JSON schema"):
        Schema({"type": "whole"})


@pytest.mark.parametrize(("said", "why"), [(False, "not what it must be: even"), ("odd", "odd")])
def test_a_check_refuses_what_its_function_does_not_accept(said, why):
    with pytest.raises(NodeError, match=why):
        Check(lambda _: said, "even")(3)


@pytest.mark.parametrize("said", [True, None, "", 1])
def test_a_check_takes_what_its_function_accepts(said):
    assert Check(lambda _: said)(3) == 3


def test_a_check_says_what_it_asks_for():
    def even(x):
        """An even number."""
        return x % 2 == 0

    assert (Check(even).words, Check(even, "even").words) == ("An even number.", "even")
    with pytest.raises(NodeError, match="accepted by <lambda>"):
        Check(lambda x: x == 0)(1)
    with pytest.raises(NodeError, match="a function of the value"):
        Check(3)


def test_what_a_check_raises_passes_through():
    with pytest.raises(ZeroDivisionError):
        Check(lambda x: 1 / x)(0)
