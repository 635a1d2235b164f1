"""Which nodes a bundled function may read (SPEC 3.4, A16)."""

from __future__ import annotations

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import bundle, node
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
]


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
