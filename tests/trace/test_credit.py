"""What was used is credited, too, where a call failed or ran among others."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import bundle, node
from opto.trace.order import ancestors
from opto.trace.utils import sum_feedback


def test_what_was_read_before_a_failure_is_credited():
    hidden, x = node("h", trainable=True), node(1, trainable=True)

    @bundle()
    def broken(v):
        raise ValueError(f"{hidden}")

    with pytest.raises(ExecutionError) as caught:
        broken(x)
    failed = caught.value.exception_node
    assert failed.parents == [x, hidden]
    failed.backward("why?")
    assert sum_feedback([hidden]).user_feedback == "why?"


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda n: n[5], id="operator"),
        pytest.param(lambda n: bundle()(lambda v: v[5])(n), id="bundle"),
        pytest.param(lambda n: [*n.data, *bundle()(lambda v: v[5])(n)], id="bundle-later"),
        pytest.param(lambda n: [*bundle()(_failing)(n)], id="stream"),
        pytest.param(lambda n: asyncio.run(bundle()(_failing_later)(n)), id="async"),
        pytest.param(lambda n: bundle(trainable=True)(_failing_now)(n), id="trainable"),
        pytest.param(lambda n: _two(*n.call("count", 1)), id="iteration"),
    ],
)
def test_a_failure_that_is_caught_is_credited(fail):
    hidden, x = node([1, 2], trainable=True), node(1, trainable=True)

    @bundle(allow_external_dependencies=True)
    def careful(v):
        try:
            return fail(hidden)
        except ExecutionError:
            return v

    y = careful(x)
    assert y.data == 1
    assert {x, hidden} <= y.parameter_dependencies
    y.backward("fell back")
    assert sum_feedback([hidden]).user_feedback == "fell back"


def _failing(v):
    yield v[0]
    yield v[5]


async def _failing_later(v):
    await asyncio.sleep(0)
    return v[5]


def _failing_now(v):
    return v[5]


def test_to_catch_a_failure_needs_no_leave():
    hidden = node([1, 2], trainable=True)

    @bundle()
    def careful(v):
        try:
            return bundle()(lambda n: n[5])(hidden)
        except ExecutionError:
            return v

    assert careful(1).parameter_dependencies == {hidden}


def test_a_failure_that_passes_through_is_told_once():
    x = node([1], trainable=True)

    @bundle()
    def outer(v):
        return bundle()(lambda n: n[5])(v)

    with pytest.raises(ExecutionError) as caught:
        outer(x)
    assert len(ancestors(caught.value.exception_node)) <= 4


def test_what_a_caught_failure_outside_of_calls_read_is_nobodys():
    with pytest.raises(ExecutionError):
        node([1])[5]
    y = bundle()(lambda v: v)(1)
    assert y.parents == [y.inputs["v"]]


def _two(a, b):
    return 2


@given(st.lists(st.sampled_from(["left", "right", "both", "none"]), min_size=1, max_size=12))
def test_reads_of_tasks_in_turns_are_each_tasks_own(kinds):
    nodes = {"left": node(1, trainable=True), "right": node(2, trainable=True)}

    @bundle(allow_external_dependencies=True)
    async def read(kind):
        total = 0
        for name, n in nodes.items():
            await asyncio.sleep(0)
            if kind in {name, "both"}:
                total += n.data
        return total

    async def program():
        return await asyncio.gather(*map(read, kinds))

    expected = {"both": {*nodes.values()}, "none": set()}
    for kind, y in zip(kinds, asyncio.run(program()), strict=True):
        assert y.parameter_dependencies == expected.get(kind, {nodes.get(kind)})
