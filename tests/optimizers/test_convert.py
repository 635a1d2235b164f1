"""The table of SPEC 12 A.2, with our expectations: converted without loss, or refused."""

import datetime as dt
import decimal
import fractions
import pathlib
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import AnswerError
from opto.optimizers.convert import convert, same


class Hue(Enum):
    RED = "r"
    GREEN = "g"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Shout(str):
    __slots__ = ()


class K:
    def __init__(self, value):
        if value == "bad":
            raise KeyError(value)
        self.value = value

    def __eq__(self, other):
        return isinstance(other, K) and self.value == other.value

    __hash__ = None


class NoArgument:
    pass


@dataclass
class Settings:
    rate: float = 0.1
    steps: int = 3


Point = namedtuple("Point", "x y")  # noqa: PYI024 - programs still have them

TAKEN = [
    (3, "5", 5),
    (3, "5.0", 5),
    (3, 5.0, 5),
    (3, " 1_000 ", 1000),
    (3, "0x10", 16),
    (3.0, "5", 5.0),
    (3.0, 5, 5.0),
    (3.0, "1e-3", 0.001),
    (True, "False", False),
    (True, "no", False),
    (False, " Yes. ", True),
    (False, "1", True),
    (True, "true", True),
    (True, 0, False),
    (1j, "1 + 2j", 1 + 2j),
    ([0], "[1, 2]", [1, 2]),
    (["a"], "['b']", ["b"]),
    ([0], ["1", 2.0], [1, 2]),
    ([(1, 2)], [[3, 4]], [(3, 4)]),
    ([], ["x", 1, None], ["x", 1, None]),
    ((1, 2), [3, 4], (3, 4)),
    ((1, 2), "(3, 4)", (3, 4)),
    ({1}, [2, 3], {2, 3}),
    (frozenset({1}), [2], frozenset({2})),
    ({"a": 1}, "{'a': 2}", {"a": 2}),
    ({"a": 1}, {"a": "2", "b": "3"}, {"a": 2, "b": "3"}),
    ({"t": (1, 2)}, {"t": [3, 4]}, {"t": (3, 4)}),
    ({1: "a"}, {"2": "b"}, {2: "b"}),
    (None, "x", "x"),
    (None, {"a": [1]}, {"a": [1]}),
    ("a", 5, "5"),
    ("a", "x by default, Undefined", "x by default, Undefined"),
    ("[1]", [1, "é"], '[1, "é"]'),
    (Point(1, 2), [3, "4"], Point(3, 4)),
    (Point(1, 2), {"y": 4, "x": 3}, Point(3, 4)),
    (Hue.RED, "GREEN", Hue.GREEN),
    (Hue.RED, "g", Hue.GREEN),
    (Level.LOW, 2, Level.HIGH),
    (Shout("a"), "b", Shout("b")),
    (decimal.Decimal("1.5"), 2.5, decimal.Decimal("2.5")),
    (fractions.Fraction(1, 2), "2/3", fractions.Fraction(2, 3)),
    (dt.date(2020, 1, 1), "2021-02-03", dt.date(2021, 2, 3)),
    (uuid.UUID(int=1), str(uuid.UUID(int=2)), uuid.UUID(int=2)),
    (pathlib.PurePosixPath("/a"), "/b", pathlib.PurePosixPath("/b")),
    (Settings(), {"rate": "0.5"}, Settings(0.5, 3)),
    (K(1), "v", K("v")),
    (np.float64(1.5), "2.5", np.float64(2.5)),
    (np.int8(1), 5, np.int8(5)),
    (np.bool_(True), "false", np.bool_(False)),
]

REFUSED = [
    (3, 5.7, "a whole number, not 5.7"),
    (3, "5.7", "whole number"),
    (3, "abc", "whole number, not 'abc'"),
    (3, True, "whole number"),
    (3, [5], "whole number"),
    (3, None, "whole number, not None"),
    (3, float("inf"), "finite"),
    (3.0, "NaN", "finite"),
    (3.0, 1e400, "finite"),
    (3.0, 10**400, "finite"),
    (3.0, 2**60 + 1, "without loss"),
    (3.0, True, "a number"),
    (3.0, "fast", "a number"),
    (True, "maybe", "true or false"),
    (True, 2, "true or false"),
    (True, 1.0, "true or false"),
    (1j, "x", "complex"),
    ([0], "abc", "a list"),
    ([0], {"a": 1}, "a list"),
    ((1,), 5, "a list"),
    ({1}, [[1]], "plain values"),
    ({"a": 1}, [1], "an object"),
    ({"a": 1}, "no", "an object"),
    ("a", {"x": 1}, "a text"),
    ("a", [1], "a text"),
    ("a", None, "a text"),
    ("a", "half \ud83d", "half of a character"),
    (["a"], ["\ud83d"], "half of a character"),
    (b"a", "b", "bytes"),
    (Point(1, 2), [1], "2 values: x, y"),
    (Hue.RED, "BLUE", "one of RED, GREEN"),
    (Settings(), {"speed": 1}, "rate, steps"),
    (Settings(), {"rate": "fast"}, "a number"),
    (dt.date(2020, 1, 1), "soon", "date does not take 'soon'"),
    (decimal.Decimal(1), "x", "Decimal does not take"),
    (K(1), "bad", "K does not take 'bad'"),
    (NoArgument(), "x", "no answer can be made into a NoArgument"),
    (object(), "x", "no answer can be made into a object"),
    (len, "x", "no answer"),
    (lambda: 0, "x", "no answer"),
    (re := __import__("re").compile("x"), "y", "no answer can be made into a Pattern"),
    (np.int8(1), 500, "range"),
]


@pytest.mark.parametrize(("like", "value", "result"), TAKEN)
def test_safe_and_lossless_is_converted(like, value, result):
    made = convert(value, like)
    assert type(made) is type(like) if like is not None else True
    assert made == result


@pytest.mark.parametrize(("like", "value", "why"), REFUSED)
def test_the_rest_is_refused_with_a_reason(like, value, why):
    with pytest.raises(AnswerError, match=why.replace("+", ".")):
        convert(value, like)


def test_mappings_keep_their_class_and_the_present_value_its_members():
    ordered = OrderedDict(a=1)
    assert convert({"b": 2}, ordered) == OrderedDict(b=2)
    assert ordered == OrderedDict(a=1)
    default = convert({"b": [2]}, defaultdict(list, a=[1]))
    assert default["new"] == []
    assert type(default) is defaultdict


def test_nothing_nests_too_deeply_for_an_answer():
    deep = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(AnswerError, match="too deep"):
        convert(deep, [[[]]])


def test_a_model_that_validates_itself_is_used():
    pydantic = pytest.importorskip("pydantic")

    class Config(pydantic.BaseModel):
        rate: float

    assert convert({"rate": "0.5"}, Config(rate=1)) == Config(rate=0.5)
    with pytest.raises(AnswerError, match="Config does not take"):
        convert({"rate": "fast"}, Config(rate=1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from([like for like, _, _ in TAKEN if like is not None]))
def test_the_type_never_changes_and_nothing_else_is_raised(value, like):
    """SPEC 11.C12: an int never becomes a str, whatever is suggested."""
    with suppress(AnswerError):
        assert type(convert(value, like)) is type(like)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.booleans())
def test_a_value_of_the_type_is_taken_as_it_is(value):
    assert same(convert(value, value), value)


def test_sameness_is_of_type_and_value():
    assert same(float("nan"), float("nan")) is False
    assert same([1, [2]], [1, [2]])
    assert not same(1, 1.0)
    assert same(np.array([1, 2]), np.array([1, 2]))
    assert not same(np.array([1, 2]), np.array([1, 3]))
    assert not same(np.array([1, 2]), np.array([[1, 2]]))
    assert not same(np.array([1, 2]), np.array([1.0, 2.0]))


def test_an_equality_that_raises_is_no_sameness():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = None

    assert not same(Odd(), Odd())


def test_a_deque_stays_one_and_holds_as_many():
    made = convert(["5", 6, 7], deque([1, 2], maxlen=3))
    assert (made, made.maxlen) == (deque([5, 6, 7]), 3)
    with pytest.raises(AnswerError, match="a list of 2 values at most"):
        convert([5, 6, 7], deque([1, 2], maxlen=2))


class Broken(dict):
    def __iter__(self):
        raise ValueError("no keys")


class Pretender:
    @classmethod
    def model_validate(cls, value):
        raise ValueError("no")


@pytest.mark.parametrize(
    ("like", "why"),
    [(Broken(a=1), "a Broken: ValueError: no keys"), (Pretender(), "a Pretender: AttributeError")],
)
def test_what_a_users_type_raises_is_a_reason(like, why):
    with pytest.raises(AnswerError, match=why):
        convert({"a": 2}, like)
