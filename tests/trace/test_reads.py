"""Which nodes a bundled function may read (SPEC 3.4, A16)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Node, bundle, node, operators
from opto.trace.graph import Graph
from opto.trace.tape import carried
from opto.trace.utils import sum_feedback

READS = [
    pytest.param(lambda n: n.data, id="data"),
    pytest.param(lambda n: n == 2, id="eq"),
    pytest.param(lambda n: n != 2, id="ne"),
    pytest.param(lambda n: n == 2, id="reflected-eq"),
    pytest.param(lambda n: str(n), id="str"),
    pytest.param(lambda n: f"{n}", id="format"),
    pytest.param(lambda n: bool(n), id="bool"),
    pytest.param(lambda n: len(n), id="len"),
    pytest.param(lambda n: 1 in n, id="in"),
    pytest.param(lambda n: list(iter(n)), id="iterate"),
    pytest.param(lambda n: [a.data for a in n], id="iterate-data"),
    pytest.param(lambda n: n, id="return"),
    pytest.param(lambda n: n[0].data, id="data-of-item"),
    pytest.param(lambda n: n[0], id="return-item"),
    pytest.param(lambda n: (n + n).len().data, id="born-from-it"),
    pytest.param(lambda n: n == node([1, 2]), id="eq-of-nodes"),
    pytest.param(lambda n: [1, 2] == n, id="eq-from-the-left"),  # noqa: SIM300 - what is tested
    pytest.param(lambda n: n in [[0], [1, 2]], id="in-a-list"),
    pytest.param(lambda n: [[0], [1, 2]].index(n), id="index-in-a-list"),
    pytest.param(lambda n: {"a": n} == {"a": [1, 2]}, id="eq-of-a-dict"),
    pytest.param(lambda n: 1 if n < [3] else 2, id="comparison"),
    pytest.param(lambda n: [0] < n < [5], id="chain-of-comparisons"),
    pytest.param(lambda n: max([n, node([0])]).data, id="max"),
    pytest.param(lambda n: [v.name for v in sorted([n, node([0])])], id="sorted"),
    pytest.param(lambda n: not n, id="not"),
    pytest.param(lambda n: 1 if n else 2, id="if"),
    pytest.param(lambda n: any([n]), id="any"),
    pytest.param(lambda n: [0 for _ in range(2) if n], id="condition"),
    pytest.param(lambda n: n.len().data, id="len-node"),
    pytest.param(lambda n: f"{n!s:>5}", id="format-padded"),
    pytest.param(lambda n: "%s" % n, id="percent"),  # noqa: UP031 - what is tested
    pytest.param(lambda n: sum(1 for _ in n), id="count-items"),
    pytest.param(lambda n: [i for i, _ in enumerate(n)], id="enumerate"),
    pytest.param(lambda n: dict(zip("ab", n, strict=True)), id="zip"),
    pytest.param(lambda n: [*reversed(n)], id="reversed"),
    pytest.param(lambda n: _two(*n), id="star"),
    pytest.param(lambda n: dict.fromkeys(n), id="dict-of-items"),
    pytest.param(lambda n: n[:1].data, id="slice"),
    pytest.param(lambda n: sum(n).data, id="sum"),
    pytest.param(lambda n: n.eq([1, 2]).data, id="eq-node"),
    pytest.param(lambda n: operators.cond(n, 1, 2).data, id="cond"),
    pytest.param(lambda n: operators.in_(1, n).data, id="in-node"),
    pytest.param(lambda n: 1 if n.call("count", 1) else 0, id="method"),
    pytest.param(lambda n: (n + n).parents[0].data, id="parent"),
    pytest.param(lambda n: n.recorded, id="recorded"),
    pytest.param(lambda n: n.type, id="type"),
    pytest.param(lambda n: n[:].detach().data, id="detach"),
    pytest.param(lambda n: Node(n).data, id="node-of-node"),
    pytest.param(lambda n: n.clone().data, id="clone"),
    pytest.param(lambda n: bool(bundle()(len)(n)), id="inner-bundle"),
    pytest.param(lambda n: [s.value for s in Graph.of(n + n).steps], id="snapshot"),
    pytest.param(lambda n: copy_context().run(lambda: n.data), id="context"),
    pytest.param(lambda n: asyncio.run(_read_in_a_task(n)), id="task"),
    pytest.param(lambda n: asyncio.run(asyncio.to_thread(lambda: n.data)), id="to-thread"),
    pytest.param(lambda n: _read_in_a_thread(n), id="carried"),
    pytest.param(lambda n: [*_generated(n)], id="generator"),
    pytest.param(lambda n: list(map(lambda v: v.data, [n])), id="map"),  # noqa: C417
]


def _two(a, b):
    return 2


async def _read_in_a_task(n):
    async def read():
        return n.data

    return await asyncio.create_task(read())


def _read_in_a_thread(n):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(carried(lambda: n.data)).result()


def _generated(n):
    yield n.data


RETURNED = ("return", "return-item")


@pytest.mark.parametrize("read", [p for p in READS if p.id not in RETURNED])
def test_a16_reading_an_undeclared_node_is_refused(read):
    hidden = node([1, 2], name="hidden_thing", trainable=True)

    @bundle()
    def peek(v):
        return read(hidden)

    with pytest.raises(TraceMissingInputsError, match="hidden_thing"):
        peek(1)


@pytest.mark.parametrize("read", [p for p in READS if p.id in RETURNED])
def test_a16_returning_an_undeclared_node_is_credited(read):
    hidden = node([1, 2], name="hidden_thing", trainable=True)

    @bundle()
    def peek(v):
        return read(hidden)

    y = peek(1)
    assert hidden in y.parameter_dependencies
    y.backward("heard")
    assert hidden.feedback


@pytest.mark.parametrize("read", READS)
def test_a16_an_allowed_undeclared_node_becomes_a_parent(read):
    hidden = node([1, 2], trainable=True)

    @bundle(allow_external_dependencies=True)
    def peek(v):
        return read(hidden)

    y = peek(1)
    external = list(y.info["external_dependencies"])
    assert external
    assert all(n.parameter_dependencies == {hidden} for n in external)
    assert y.parameter_dependencies == {hidden}
    y.backward("note")
    assert sum_feedback([hidden]).user_feedback == "note"


@pytest.mark.parametrize("read", [p for p in READS if p.id not in RETURNED])
def test_a_function_that_works_on_nodes_is_held_to_what_it_reads(read):
    hidden = node([1, 2], trainable=True)

    @bundle(traceable_code=True)
    def peek(v):
        read(hidden)
        return v

    try:
        y = peek(node(1))
    except TraceMissingInputsError:
        return
    assert hidden in y.hidden_dependencies
    y.backward("note")
    assert sum_feedback([hidden]).user_feedback == "note"


NO_READS = [
    pytest.param(lambda n: n.name, id="name"),
    pytest.param(repr, id="repr"),
    pytest.param(lambda n: n is None, id="is"),
    pytest.param(lambda n: {n: 1}[n], id="key"),
    pytest.param(lambda n: len({n}), id="hash"),
    pytest.param(lambda n: [n].index(n), id="identity"),
    pytest.param(lambda n: n.description, id="description"),
    pytest.param(lambda n: n.parents, id="parents"),
    pytest.param(lambda n: isinstance(n, Node), id="isinstance"),
    pytest.param(lambda n: (n + n).name.partition(":")[0], id="operator"),
]


@pytest.mark.parametrize("use", NO_READS)
def test_what_needs_no_value_is_no_read(use):
    hidden = node([1, 2], trainable=True)
    y = bundle()(lambda v: use(hidden) is None)(1)
    assert y.parents == [y.inputs["v"]]


def test_external_dependencies_are_empty_without_any():
    y = bundle(allow_external_dependencies=True)(lambda v: v)(1)
    assert list(y.info["external_dependencies"]) == []


def test_the_message_says_what_to_do():
    hidden = node(2, name="hidden")

    @bundle()
    def peek(v):
        return hidden.data

    with pytest.raises(TraceMissingInputsError) as caught:
        peek(1)
    text = str(caught.value)
    assert "peek" in text
    assert "allow_external_dependencies" in text
    assert caught.value.message == text


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.data,
        lambda x: x + 1,
        lambda x: (x + 1).data,
        lambda x: [(x * i).data for i in range(3)],
        lambda x: (node(5) + 1).data,
        lambda x: x == 3 and bool(x),
        lambda x: ((x + node(4)) * 2).data,
        lambda x: len(node([1])) + x.data,
    ],
)
def test_declared_nodes_and_those_born_from_them_may_be_read(use):
    x = node(3, trainable=True)
    y = bundle(_process_inputs=False)(lambda v: use(v))(x)
    assert y.parameter_dependencies == {x}


def test_what_an_inner_bundle_gives_back_may_be_read():
    double = bundle()(lambda v: v * 2)

    @bundle()
    def outer(v):
        return double(v).data + double(1).data

    x = node(3, trainable=True)
    y = outer(x)
    assert y.data == 8
    assert y.parameter_dependencies == {x}


def test_an_inner_bundle_does_not_hide_an_undeclared_node():
    hidden = node(2, trainable=True)
    double = bundle()(lambda v: v * 2)

    @bundle()
    def outer(v):
        return v + double(hidden).data

    with pytest.raises(TraceMissingInputsError):
        outer(1)


def test_naming_a_node_without_reading_it_is_no_read():
    hidden = node(2)

    @bundle()
    def name_of(v):
        return hidden.name

    assert name_of(1).data == hidden.name


def test_a_read_is_credited_to_the_function_that_reads():
    hidden = node(2, name="hidden")

    @bundle()
    def inner(v):
        return v + hidden.data

    @bundle()
    def outer(v):
        return inner(v).data

    with pytest.raises((TraceMissingInputsError, ExecutionError), match="hidden"):
        outer(1)
    with pytest.raises(TraceMissingInputsError, match="inner"):
        inner(1)
    assert hidden.data == 2


def test_after_a_refused_call_reads_outside_are_free():
    hidden = node(2)
    peek = bundle()(lambda v: hidden.data)
    with pytest.raises(TraceMissingInputsError):
        peek(1)
    assert hidden.data == 2
    assert bundle()(lambda v: v)(1).data == 1
