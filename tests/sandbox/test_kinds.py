"""Plain data, and what answers calls."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import IntEnum

import numpy as np
import pytest

from opto.llm import ScriptedLLM
from opto.sandbox.kinds import awaits, is_plain, standin_for, strange_in, told_by
from opto.trace import bundle, node


class Level(IntEnum):
    LOW = 1


@bundle()
def plain(x):
    return x


@bundle()
async def later(x):
    return x


async def slow():
    pass


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        1.5,
        1j,
        "a",
        b"b",
        [print],
        {},
        dt.date(2026, 1, 1),
        Decimal(1),
        np.ones(2),
    ],
    ids=repr,
)
def test_data(value):
    assert is_plain(value)


@pytest.mark.parametrize(
    "value",
    [print, object(), Level.LOW, node(1), bytearray(b"a"), np.array([object()]), range(3), int],
    ids=lambda value: type(value).__name__,
)
def test_no_data(value):
    assert not is_plain(value)


def test_what_is_wrapped_and_awaited():
    found = {f: (standin_for(f), awaits(f)) for f in (plain, later, slow, len)}
    assert found == {
        plain: ("as_node", False),
        later: ("as_node_later", True),
        slow: (None, True),
        len: (None, False),
    }
    assert standin_for(ScriptedLLM(["a"])) == "as_reply"


def test_functions_of_the_users_tell_what_they_return():
    assert list(map(told_by, (plain, slow, len))) == ["as_node", "as_told_later", None]
    assert told_by(lambda: 1) == "as_told"
    assert told_by(ScriptedLLM(["a"])) == "as_reply"


def test_what_is_strange_in_a_value():
    assert strange_in({"a": [1, 2]}) is None
    assert strange_in([1, {2: print}]) == "a value of type builtin_function_or_method at [1][2]"
    endless = []
    endless.append(endless)
    assert strange_in(endless) is None  # too deep to travel: so says whoever sends it
