"""Failures, values and what is inside of calls come back."""

from __future__ import annotations

import operator
from functools import partial

import pytest

from opto.errors import (
    ExecutionError,
    TraceError,
)
from opto.trace import node
from opto.trace.graft import submit
from opto.trace.graph import Graph
from opto.trace.propagators import TraceGraph
from tests.support import remote
from tests.support.grafts import form, here


def test_a_failure_there_is_an_output_here(pool, p):
    zero = node(0, name="zero")
    errors = []
    for program in (remote.divide, lambda *args: submit(pool, remote.divide, *args).result()):
        with pytest.raises(ExecutionError) as caught:
            program(p, zero)
        errors.append(caught.value)
    local, far = errors
    assert str(far) == str(local)
    assert type(far.__cause__) is ZeroDivisionError
    node_here = far.exception_node
    assert form(Graph.of(node_here)) == form(Graph.of(local.exception_node))
    assert node_here.create_feedback("full") == local.exception_node.create_feedback("full")
    assert node_here.info.keys() == local.exception_node.info.keys()
    node_here.backward(node_here.create_feedback())
    assert p.feedback[node_here][0].user_feedback == "(ZeroDivisionError) division by zero"


def test_a_failure_of_a_failure(pool, p):
    errors = []
    for run in (remote.nested_failure, partial(here, remote.nested_failure)):
        with pytest.raises(ExecutionError) as caught:
            run(p, 0)
        errors.append(caught.value.exception_node)
    assert form(Graph.of(errors[0])) == form(Graph.of(errors[1]))


def test_other_exceptions_pass_as_they_are(pool):
    with pytest.raises(LookupError, match="no such thing"):
        submit(pool, remote.raising, "no such thing").result()
    with pytest.raises(TraceError, match="PickyError: 1 and 2"):
        submit(pool, remote.raising_picky).result()
    assert submit(pool, remote.square, 2).result() == 4, "the pool lives on"


def test_what_lies_between_may_be_what_cannot_travel(pool, x):
    far = submit(pool, remote.past_a_lock, x).result()
    assert far.data == (3, True)
    (made,) = [n for n in far.parents if n.op_name == "lock"]
    assert made.data.startswith("<locked _thread.lock")
    assert "cannot pickle" in made.info["sent_as_text"]
    assert made.info["fun_name"] == "lock"
    assert made.parents == [x]


def test_what_is_returned_must_travel_exactly(pool, x):
    with pytest.raises(TraceError, match=r"value of lock:\d \(operation lock\).*ends_with_a_lock"):
        submit(pool, remote.ends_with_a_lock, x).result()
    with pytest.raises(TraceError, match="what make_lock returned cannot be sent back"):
        submit(pool, remote.make_lock).result()


def test_the_record_shows_the_past(pool, x):
    local, far = remote.pushes(x), submit(pool, remote.pushes, x).result()
    first, second = far.parents
    (items,) = (n for n in set(first.parents) & set(second.parents) if n is not x)
    assert items.data == [0, 3, 3]
    assert items.recorded == local.parents[0].inputs["items"].recorded
    assert form(Graph.of(far)) == form(Graph.of(local))
    mine = node([0])
    grafted = submit(pool, remote.pushes_on, mine, x).result()
    assert grafted.data == 2
    assert mine.data == [0]


@pytest.mark.parametrize("through", ["here", "pool"])
def test_the_inside_of_a_call_is_there(pool, x, through):
    local = remote.inner(x)
    far = here(remote.inner, x) if through == "here" else submit(pool, remote.inner, x).result()
    assert far.hidden_dependencies == {remote.SHIFT.by}
    graphs = [TraceGraph.expand(n) for n in (local, far)]
    inside, outside = ([n.op_name for n in graph.nodes] for graph in graphs)
    assert inside == outside
    assert "multiply" in inside
    remote.SHIFT.by.zero_feedback()
    far.backward("more")
    assert list(remote.SHIFT.by.feedback) == [far]
    remote.SHIFT.by.zero_feedback()


def test_two_kinds_of_nodes_with_one_name_stay_apart(x):
    # Names are counted anew in each process: there, the new node may be called as ours is.
    ours = x + 1
    far = here(operator.add, ours, 1)
    assert far.parents[0] is ours
    assert far.name != ours.name
