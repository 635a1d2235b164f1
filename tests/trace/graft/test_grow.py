"""A snapshot that was taken elsewhere becomes nodes here."""

from __future__ import annotations

import pytest

from opto.errors import (
    ExecutionError,
    NodeError,
    StoreError,
    TraceMissingInputsError,
)
from opto.trace import node
from opto.trace.graft import graft
from opto.trace.graph import Graph, Step
from tests.support import remote
from tests.support.grafts import form


def test_a_snapshot_that_came_as_text_becomes_nodes(x, p):
    local = remote.weighted(x, p)
    text = Graph.of(local).to_json()
    ours, mine = node(3, name="x"), node(1, name="p", trainable=True)
    (far,) = graft(Graph.from_json(text), {x.py_name: ours, p.py_name: mine})
    assert form(Graph.of(far))[0][2:] == form(Graph.of(local))[0][2:]
    assert far.parents[0].inputs["v"] is ours
    far.backward("f")
    assert mine.feedback[far][0].user_feedback == "f"
    (again,) = graft(Graph.of(local), [p])
    assert again.parents[1] is p
    assert again.parents[0].inputs["v"] is not x


def test_a_failure_in_a_snapshot_too(p):
    with pytest.raises(ExecutionError) as caught:
        remote.divide(p, 0)
    (far,) = graft(Graph.of(caught.value.exception_node), [p])
    assert far.create_feedback() == "(ZeroDivisionError) division by zero"
    assert far.parents[0] is p


def test_several_outputs_and_none(x, p):
    graph = Graph.of(x + 1, x * 2)
    assert [n.op_name for n in graft(graph)] == ["add", "multiply"]
    assert [n.data for n in graft(Graph(graph.steps))] == [4, 6]


@pytest.mark.parametrize(
    ("steps", "inputs", "error", "words"),
    [
        ((Step("p0", 1, "parameter", 0),), {}, TraceMissingInputsError, "'p0': parameter"),
        ((Step("x0", 1, "node", 0),), {"x1": node(1)}, NodeError, "no step 'x1'; known: 'x0'"),
        ((Step("x0", 1, "node", 0),), {"x0": 1}, NodeError, "x0 is a int"),
        ((Step("x0", 1, "node", 0),), [1], NodeError, "one of them is a int"),
        ((Step("x0", 1, "thing", 0),), {}, StoreError, "'thing'"),
        ((Step("y0", 1, "message", 1, "add", (("x", "z0"),)),), {}, StoreError, "before it"),
    ],
)
def test_what_is_no_graph_is_refused(steps, inputs, error, words):
    with pytest.raises(error, match=words):
        graft(Graph(steps), inputs)
