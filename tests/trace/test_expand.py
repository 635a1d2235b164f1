"""Calls of functions that work on nodes, opened (SPEC 3.7, 6.2, 6.4)."""

from __future__ import annotations

import sys
import time

import pytest

from opto.errors import BackwardError, ExecutionError
from opto.optimizers.summary import node_to_function_feedback
from opto.trace import Module, bundle, node
from opto.trace import operators as ops
from opto.trace.graph import Graph
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback
from tests.support.opened import calls, heard, whole

# --- what is opened -------------------------------------------------------------------------------


def test_one_level_is_opened_and_the_next_stays_a_call(nested, x):
    y = nested(x)
    assert calls(TraceGraph.expand(y)) == [
        "inner0 = inner(v=x0, p0=p0)",
        "multiply0 = multiply(x=inner0, y=int0)",
    ]


def test_all_levels_are_opened(nested, x):
    y = nested(x)
    both = ["add0 = add(x=x0, y=p0)", "multiply0 = multiply(x=add0, y=int0)"]
    assert calls(TraceGraph.expand(y, depth=None)) == both
    assert calls(TraceGraph.expand(y, depth=2)) == both


def test_the_copy_that_the_function_worked_on_is_the_value_outside(nested, x):
    graph = TraceGraph.expand(nested(x), depth=None)
    assert any(n is x for n in graph.nodes)
    assert not any(n.copied_from for n in graph.nodes)


def test_a_graph_is_opened_in_place(nested, p, x):
    z = nested(x) * 3
    z.backward("smaller")
    closed = sum_feedback([p])
    assert calls(closed) == [
        "outer0 = outer(v=x0, p0=p0)",
        "multiply1 = multiply(x=outer0, y=int1)",
    ]
    assert calls(closed.opened()) == [
        "add0 = add(x=x0, y=p0)",
        "multiply0 = multiply(x=add0, y=int0)",
        "multiply1 = multiply(x=multiply0, y=int1)",
    ]
    assert closed.opened().user_feedback == "smaller"
    assert node_to_function_feedback(closed.opened()).output == {"multiply1": (36, None)}


def test_opening_changes_nothing_of_the_graph_or_its_nodes(nested, p, x):
    y = nested(x)
    z = y * 3
    z.backward("smaller")
    closed = sum_feedback([p])
    before = calls(closed)
    closed.opened()
    assert calls(closed) == before
    assert z.inputs["x"] is y
    assert y.inputs == {"v": x}


def test_levels_can_be_opened_one_after_another(nested, p, x):
    nested(x).backward("f")
    closed = sum_feedback([p])
    assert calls(closed.opened(0)) == calls(closed)
    assert calls(closed.opened(1))[0] == "inner0 = inner(v=x0, p0=p0)"
    assert calls(closed.opened(1).opened(1)) == calls(closed.opened(2)) == calls(closed.opened())


def test_a_flat_graph_stays_as_it_is(x):
    graph = whole(x + 1)
    assert graph.opened() is graph


def test_some_calls_are_opened_and_others_not(nested, p, x):
    one, two = nested(x), nested(x * 2)
    (one + two).backward("f")
    lines = calls(sum_feedback([p]).opened(calls=[one]))
    assert "outer1 = outer(v=multiply1, p0=p0)" in lines
    assert not any(line.startswith("outer0 =") for line in lines)


def test_what_is_no_such_call_is_refused(nested, p, x):
    plain = bundle()(lambda v: v + 1)(x)
    for odd in (x, x + 1, plain, nested(x).inputs["v"]):
        with pytest.raises(BackwardError, match="no inner graph to expand"):
            TraceGraph.expand(odd)
    y = nested(x)
    y.backward("f")
    with pytest.raises(BackwardError, match=r"here these are: outer:1"):
        sum_feedback([p]).opened(calls=[x])
    with pytest.raises(BackwardError, match=r"here these are: none"):
        whole(plain).opened(calls=[y])
    for depth in (0, -1):
        with pytest.raises(BackwardError, match="at least 1"):
            TraceGraph.expand(y, depth=depth)


def test_a_call_that_gave_a_plain_value_has_nothing_inside(x):
    @bundle(traceable_code=True)
    def plain(v):
        return v.data + 1

    y = plain(x)
    assert (y.data, y.hidden_dependencies, y.expandable_dependencies) == (2, set(), set())
    assert whole(y).opened().nodes == [x, y]
    with pytest.raises(BackwardError, match="only if they return nodes"):
        TraceGraph.expand(y)


# --- what was said --------------------------------------------------------------------------------


def test_what_was_said_about_a_call_is_said_about_what_it_returned(nested, p, x):
    y = nested(x)
    y.backward("larger")
    opened = sum_feedback([p]).opened()
    assert [(r.output, r.content) for r in opened.feedback.remarks] == [("multiply0", "larger")]
    assert Graph.of(opened).outputs == ("multiply0",)
    expanded = TraceGraph.expand(y)
    assert expanded.user_feedback == "larger"
    assert Graph.of(expanded).outputs == ("multiply0",)


def test_an_opened_call_knows_what_was_said_about_what_it_led_to(nested, x):
    y = nested(x)
    assert TraceGraph.expand(y).user_feedback is None
    (y + 1).backward("one")
    nested(x).backward("of another call")
    assert TraceGraph.expand(y).user_feedback == "one"


# --- depth ----------------------------------------------------------------------------------------


def tower(depth: int, bottom):
    """`depth` functions that work on nodes, each calling the next, and one parameter each."""
    parameters = [node(1, name="p", trainable=True) for _ in range(depth)]

    def level(below, q):
        def up(v):
            return below(v) + q

        return bundle("[up] one more", traceable_code=True)(up)

    top = bottom
    for q in parameters:
        top = level(top, q)
    return top, parameters


def test_two_hundred_levels(x):
    limit = sys.getrecursionlimit()
    top, parameters = tower(200, lambda v: v)
    y = top(x)
    assert y.data == 201
    assert y.hidden_dependencies == set(parameters)
    y.backward("f")
    assert set(heard(*parameters)) == {"f"}
    flat = sum_feedback(parameters).opened()
    assert len(flat) == 200 + 200 + 1
    assert max(level for level, _ in flat) == 200
    assert len(TraceGraph.expand(y)) == 2 + 200 + 1
    assert sys.getrecursionlimit() == limit


def test_a_failure_below_a_hundred_levels(x):
    top, _ = tower(100, lambda v: v / 0)
    with pytest.raises(ExecutionError) as caught:
        top(x)
    failed = caught.value.exception_node
    failed.backward("f")
    assert failed.data == "(ZeroDivisionError) division by zero"
    assert calls(TraceGraph.expand(failed, depth=None)) == [
        "exception_divide0 = divide(x=x0, y=int0)"
    ]


def seconds(job) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def ratio(measure, n: int) -> float:
    """t(2n) / t(n), of the best of several runs; again if the machine is busy."""
    best = float("inf")
    for _ in range(4):
        small, large = [], []
        for _ in range(5):
            small.append(measure(n))
            large.append(measure(2 * n))
        best = min(best, min(large) / min(small))
        if best < 2.6:
            break
    return best


def test_depth_costs_in_proportion(x):
    made = {}

    def forward(depth: int) -> float:
        top = made.setdefault(depth, tower(depth, lambda v: v))[0]
        return seconds(lambda: [top(x) for _ in range(5)])

    def rest(depth: int) -> float:
        y, parameters = made[depth][0](x), made[depth][1]

        def job() -> None:
            assert len(y.hidden_dependencies) == depth
            assert y.expandable_dependencies == {y}
            y.backward("f")
            assert len(sum_feedback(parameters[:1]).opened()) == 2 * depth + 1

        took = seconds(job)
        for q in parameters:
            q.zero_feedback()
        return took

    assert ratio(forward, 75) < 2.6
    assert ratio(rest, 75) < 2.6


def test_a_chain_of_calls_costs_in_proportion(p, x):
    @bundle(traceable_code=True)
    def f(v):
        return v * 1 + p

    def measure(n: int) -> float:
        y = x
        for _ in range(n):
            y = f(y)

        def job() -> None:
            assert len(y.expandable_dependencies) == n
            y.backward("f")
            assert len(sum_feedback([p]).opened()) == 3 * n + 2

        took = seconds(job)
        p.zero_feedback()
        return took

    assert ratio(measure, 300) < 2.6


def test_a_memory_that_grows_costs_in_proportion():
    class Memory(Module):
        def __init__(self):
            self.sum = self.start = node(0, name="start", trainable=True)

        @bundle(traceable_code=True)
        def add(self, v):
            self.sum = self.sum + v
            return self.sum

    def measure(n: int) -> float:
        memory, total = Memory(), node(0)
        for i in range(n):
            total = total + memory.add(i)

        def job() -> None:
            total.backward("f")
            graph = sum_feedback([memory.start])
            assert len(Graph.of(graph)) == len(graph)
            assert len(graph.opened()) == 3 * n + 3
            assert memory.start in total.expandable_dependencies.pop().hidden_dependencies

        return seconds(job)

    assert ratio(measure, 300) < 2.6


def test_a_call_that_stays_closed_beside_an_opened_one_keeps_what_is_hidden(p):
    @bundle("[f] adds p", traceable_code=True)
    def f(v):
        return v + p

    @bundle("[g] doubles", traceable_code=True)
    def g(v):
        return v * 2

    q = node(1, name="q", trainable=True)
    first = f(q)
    y = g(first)
    y.backward("said")
    opened = sum_feedback([p, q]).opened(calls=[first])
    assert calls(opened) == ["add0 = add(x=q0, y=p0)", "g0 = g(v=add0)"]
    assert calls(whole(g(f(q))).opened(1))[-1].startswith("multiply")


def test_ordinary_results_know_at_once_that_nothing_is_hidden(x):
    y = x + 1
    assert y._hidden == ()
    assert y.hidden_dependencies is (x * 2).hidden_dependencies
    assert ops.identity(y)._hidden == ()
