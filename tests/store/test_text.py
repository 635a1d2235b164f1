"""Plain values as the text of a journal."""

from __future__ import annotations

import json
from collections import OrderedDict
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given

from opto.errors import StoreError
from opto.store.text import text_of
from opto.trace.encoding import decoded
from tests.trace.test_encoding import VALUES, same


class Size(IntEnum):
    BIG = 2


class Pair(NamedTuple):
    a: int
    b: int


class Name(str):
    __slots__ = ()


@given(VALUES)
def test_what_is_read_from_the_text_is_the_value_in_every_type(value):
    text, read = text_of(value, "it")
    assert same(read, value)
    assert same(decoded(json.loads(text), "it"), value)
    text.encode()


@pytest.mark.parametrize(
    "value",
    [Size.BIG, Pair(1, 2), Name("x"), OrderedDict(a=1), {"deep": [Name("x")]}, {Name("x"): 1}],
    ids=repr,
)
def test_what_is_derived_from_a_plain_type_is_refused(value):
    with pytest.raises(StoreError, match="no exact form in JSON"):
        text_of(value, "it")


def test_a_number_of_numpy_stays_one():
    _, read = text_of({"x": np.float64(0.5)}, "it")
    assert type(read["x"]) is np.float64


def test_zeros_keep_their_sign_and_truth_is_no_number():
    _, read = text_of([-0.0, 0.0, True, 1, 1.0], "it")
    assert list(map(repr, read)) == ["-0.0", "0.0", "True", "1", "1.0"]


def test_what_contains_itself_is_refused():
    ring: list[object] = []
    ring.append(ring)
    with pytest.raises(StoreError, match="contains itself"):
        text_of(ring, "it")


def test_what_is_nested_too_deeply_is_refused():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(StoreError, match="nested too deeply"):
        text_of(deep, "it")
