"""What programs for the original take from inside of the tracer still works."""

from __future__ import annotations

import sys

import pytest

from opto.errors import TraceMissingInputsError
from opto.trace import bundle, node, nodes
from opto.trace.bundle import (
    detach_inputs,
    disable_external_dependencies_check,
    trace_nodes,
    update_local,
    wrap_node,
)
from opto.trace.utils import dedent, escape_json_nested_quotes


def test_name_scopes_are_a_list():
    nodes.NAME_SCOPES.append("agent")
    assert node(1, name="x").name.startswith("agent/x:")
    nodes.NAME_SCOPES.append("tool")
    assert node(1, name="x").name.startswith("tool/x:")
    assert (len(nodes.NAME_SCOPES), nodes.NAME_SCOPES[-1]) == (2, "tool")
    assert nodes.NAME_SCOPES.pop() == "tool"
    assert nodes.NAME_SCOPES.pop() == "agent"
    assert "/" not in node(1, name="x").name


def test_used_nodes_in_and_outside_of_a_function():
    x = node(1)
    assert len(nodes.USED_NODES) == 0
    seen = []

    @bundle()
    def peek(v):
        inner = node(2)
        assert inner.data == 2
        seen.extend(nodes.USED_NODES[-1])

    peek(x)
    assert [n.data for n in seen] == [2]


def test_trace_nodes_collects_reads():
    x, y = node(1), node(2)
    with trace_nodes() as used:
        assert x.data == 1
    assert x in used
    assert not any(n is y for n in used)


def test_the_check_can_be_switched_off_and_on():
    hidden = node(5, trainable=True)
    peek = bundle()(lambda v: hidden.data + v)
    disable_external_dependencies_check(True)
    try:
        assert hidden in peek(1).parameter_dependencies
    finally:
        disable_external_dependencies_check(None)
    with pytest.raises(TraceMissingInputsError):
        peek(1)


def test_wrapping_and_detaching_containers():
    x = node(1)
    assert [n.data for n in wrap_node([x, 2])] == [1, 2]
    copy = detach_inputs([x, 2])
    assert copy[0] is not x
    assert (copy[0].data, copy[1]) == (1, 2)


def test_a_local_variable_of_a_running_function():
    def run():
        value = 1
        update_local(sys._getframe(), "value", 2)
        return value

    assert run() == 2


def test_texts():
    assert dedent("  a\n    b ") == "a\nb"
    assert escape_json_nested_quotes('{"a": "say "hi" now", "b": 1}') == (
        '{"a": "say \\"hi\\" now", "b": 1}'
    )
