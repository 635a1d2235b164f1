"""Nodes and replies of the host's functions, in the part of Python that Monty runs."""

from __future__ import annotations

import asyncio

import pytest

from opto.errors import ExecutionError
from opto.llm import DummyLLM
from opto.optimizers.proposal import Update
from opto.sandbox import Policy
from opto.trace import bundle

pytest.importorskip("pydantic_monty")

MONTY = Policy(engine="monty")
LLM = DummyLLM(lambda *_, **__: "Paris")


@bundle()
def scale(x):
    return x * 2


@bundle()
def pair(x):
    return {"a": [x, x + 1]}


@bundle()
async def slowly(x):
    await asyncio.sleep(0)
    return x * 4


async def soon(x):
    return x * 5


def scaled(x):
    return scale(x)


def said(x):
    return LLM(str(x))


@bundle(trainable=True, sandbox=MONTY)
def f(x):
    return scale(x), pair(x), LLM(x), scaled(x), said(x)


@bundle(trainable=True, sandbox=MONTY)
async def later(x):
    return await slowly(x), await soon(x)


def written(function, text):
    Update.of({function.parameter: text}).apply()
    return function


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("scale(x).data", 6),
        ("scale(x)", 6),
        ("scale(scale(x)) + 1", 13),
        ("1 + scale(x) * scale(1)", 13),
        ("[scale(x), ({'a': scale(x)},)]", [6, ({"a": 6},)]),
        ("pair(x)['a'][0]", 3),
        ("[i.data for i in pair(x)['a']]", [3, 4]),
        ("'a' in pair(x) and scale(x) == 6", True),
        ("scaled(x).data", 6),
        ("LLM(str(x)).choices[0].message.content", "Paris"),
        ("LLM('x')", "Paris"),
        ("said(x).text", "Paris"),
        ("f'{scale(x)}'", "Node: (6)"),
    ],
)
def test_what_is_done_with_them(body, value):
    assert written(f, f"def f(x): return {body}")(3).data == value


def test_a_bundle_that_is_asked_becomes_an_input():
    y = written(f, "def f(x): return scale(x).data")(3)
    assert y.parents[-1].data == 6
    assert y.info["sandbox"] == "isolated"


def test_what_is_awaited():
    both = written(later, "async def later(x): return (await slowly(x)).data + await soon(x)")
    assert asyncio.run(both(1)).data == 9


def test_what_they_do_not_have_is_said():
    with pytest.raises(ExecutionError, match="no attribute 'real'"):
        written(f, "def f(x): return scale(x).real")(3)
