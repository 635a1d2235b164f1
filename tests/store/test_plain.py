from __future__ import annotations

import copy
import enum
import pickle
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from hypothesis import given
from pydantic import BaseModel

from opto.store.plain import Plain, plain, viewed
from opto.trace.encoding import encoded
from tests.store.contract import plain_values


@given(plain_values.filter(lambda value: not isinstance(value, complex)))
def test_everything_becomes_storable(value):
    encoded(plain([value, SimpleNamespace(held=value), object()]), "it")


class Colour(enum.Enum):
    RED = "red"
    NONE = ""


class Answer(BaseModel):
    number: int
    inner: list[dict[str, float]] = []


@dataclass
class Point:
    x: int
    at: tuple[int, ...] = (1, 2)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"a": [1, 2.5, None, True, b"x"], "t": (1,)},
            {"a": [1, 2.5, None, True, b"x"], "t": (1,)},
        ),
        (Colour.RED, "red"),
        (Colour.NONE, ""),
        (Answer(number=1), {"number": 1, "inner": []}),
        (Point(3), {"x": 3, "at": (1, 2)}),
        (SimpleNamespace(a=1, _hidden=2), {"a": 1}),
        (Text("t"), "t"),
        (True, True),
        ({Point}, {f"{__name__}:Point"}),
        (len, "builtins:len"),
        ({1, 2}, {1, 2}),
        (range(3), "range(0, 3)"),
    ],
    ids=str,
)
def test_objects_become_what_they_hold(value, said):
    made = plain(value)
    assert made == said
    assert type(made) is type(said)


def test_what_contains_itself_ends_somewhere():
    knot = SimpleNamespace()
    knot.knot = knot
    assert plain(knot)["knot"]["knot"]
    encoded(plain(knot), "it")


def test_half_of_a_client_is_not_written_down():
    knot = SimpleNamespace()
    knot.a = knot.b = knot.c = knot
    begun = time.monotonic()
    assert plain({"choices": [1], "client": knot})["choices"] == [1]
    assert time.monotonic() - begun < 20


def test_what_is_only_like_pydantic_is_read_too():
    class Like:
        def model_dump(self):
            return {"a": 1}

    assert plain(Like()) == {"a": 1}


def test_items_are_attributes():
    said = viewed({"a": [{"b": 1}], "c": {"d": None}})
    assert (said.a[0].b, said["a"][0]["b"], said.c.d) == (1, 1, None)
    with pytest.raises(AttributeError, match="the stored answer has no attribute 'e'"):
        _ = said.e


def test_it_can_be_copied_and_pickled():
    said = viewed({"a": [{"b": 1}]})
    for again in (copy.deepcopy(said), copy.copy(said), pickle.loads(pickle.dumps(said))):  # noqa: S301
        assert type(again) is Plain
        assert again.a[0].b == 1
