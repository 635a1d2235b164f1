from __future__ import annotations

import pytest

from opto.errors import NodeError
from opto.trace import GRAPH, bundle, model, node, replay
from opto.trace.graph import Graph
from opto.trace.propagators import GraphPropagator


@pytest.fixture(autouse=True)
def _names():
    GRAPH.clear()


@pytest.fixture
def x():
    return node(2, name="x", trainable=True)


@pytest.fixture
def y():
    return node(3, name="y", trainable=True)


def test_only_what_depends_on_it_runs_again(x, y):
    ran = []

    @bundle()
    def double(a):
        """Double it."""
        ran.append(a)
        return 2 * a

    total = double(x) + double(y)
    ran.clear()
    again = replay(total, {x: 10})
    ran_again = (total.parents[0].py_name, total.py_name)
    assert (again.value, again.ran, again.error) == (26, ran_again, None)
    assert ran == [10]
    assert (x.data, total.data) == (2, 10)


def test_a_step_in_the_middle_can_be_changed(x, y):
    middle = x + y
    output = middle * y
    assert replay(output, {middle: 100}).value == 300
    assert replay(output, {middle: 100, y: 2}).value == 200
    assert replay(output, {output: "given"}).value == "given"


def test_the_value_may_be_a_node(x, y):
    assert replay(x + 1, {x: y}).value == 4


def test_what_a_step_raises_is_told(x):
    again = replay(12 / x + 1, {x: 0})
    assert isinstance(again.error, ZeroDivisionError)
    assert (again.value, again.at, again.ran) == (None, "divide0", ("divide0",))


def test_a_failure_that_would_not_have_been(x, y):
    @bundle()
    def strict(a):
        """Refuse what is small."""
        if a < 6:
            raise ValueError("too small")
        return a

    with pytest.raises(Exception, match="too small") as failed:
        strict(x + y)
    output = failed.value.exception_node
    assert replay(output, {x: 7}).value == 10
    assert str(replay(output, {x: 1}).error) == "too small"


def test_arguments_reach_the_function_as_they_did(x, y):
    @bundle()
    def told(a, b=1, *rest, k=2, **more):
        """Say what was given."""
        return [a, b, rest, k, more]

    def both(output, change):
        return output.data, replay(output, {x: change}).value

    assert both(told(x, y, x, k=y, z=x), 9) == (
        [2, 3, (2,), 3, {"z": 2}],
        [9, 3, (9,), 3, {"z": 9}],
    )
    assert both(told(b=x, a=y), 9) == ([3, 2, (), 2, {}], [3, 9, (), 2, {}])
    assert both(told(x), 9)[1] == [9, 1, (), 2, {}]
    assert both(told([x, {"y": x}]), 9)[1] == [[9, {"y": 9}], 1, (), 2, {}]


def test_operators_with_names(x, y):
    text = node("{} and {b}").format(x, b=y)
    assert replay(text, {y: "more"}).value == "2 and more"


def test_code_can_be_changed_and_its_arguments(x):
    @bundle(trainable=True)
    def grow(a):
        """Grow."""
        return a + 1

    output = grow(x) * 10
    code = "def grow(a):\n    return a * 100"
    assert replay(output, {grow.parameter: code}).value == 2000
    assert replay(output, {x: 5}).value == 60
    assert isinstance(replay(output, {grow.parameter: "def grow(a"}).error, SyntaxError)
    assert grow(3).data == 4


def test_methods_and_what_they_use_inside(x):
    @model
    class Agent:
        def __init__(self):
            self.weight = node(5, trainable=True)

        @bundle(traceable_code=True)
        def weigh(self, a):
            """Weigh it."""
            return a * self.weight

        @bundle(trainable=True)
        def change(self, a):
            """Change it."""
            return a + 1

    agent = Agent()
    output = agent.change(agent.weigh(x))
    assert output.data == 11
    assert replay(output, {agent.weight: 50}).value == 101
    assert replay(output, {x: 4}).value == 21


def test_nothing_is_recorded(x):
    output = x + 1
    before = len(GRAPH)
    replay(output, {x: 5})
    assert len(GRAPH) == before
    assert [step.name for step in Graph.of(output).steps] == ["x0", "int0", "add0"]
    output.backward("larger", propagator=GraphPropagator())
    assert x.feedback


@pytest.mark.parametrize(
    ("output", "changes", "why"),
    [
        (3, {}, "takes the node that a program returned"),
        (node(1, name="a") + 1, {"x": 1}, "'x' is no node"),
        (node(1, name="a") + 1, {node(1, name="other"): 1}, "does not depend on other:"),
    ],
)
def test_what_makes_no_sense_is_refused(output, changes, why):
    with pytest.raises(NodeError, match=why):
        replay(output, changes)


def test_what_cannot_be_run_again_says_so(x):
    @bundle()
    async def later(a):
        """Later."""
        return a

    import asyncio

    output = asyncio.run(_awaited(later(x)))
    with pytest.raises(NodeError, match="was made by a coroutine function"):
        replay(output, {x: 1})
    assert x.data == 2


async def _awaited(coroutine):
    return await coroutine


# -- all outputs of a snapshot ----------------------------------------------------------------


def test_each_output_of_a_snapshot_is_told_by_its_name(x, y):
    total, other = (x * 10) + (y * 100), y * 3
    graph = Graph.of(total, other)
    found = graph.replay({x: 5})
    assert {name: again.value for name, again in found.items()} == {"add0": 350, "multiply2": 9}
    assert found["add0"].ran == ("multiply0", "add0")
    assert found["multiply2"].ran == ()
    assert (graph["x0"].value, x.data, total.data) == (2, 2, 320)


@pytest.mark.parametrize("key", ["x0", "x:0"])
def test_a_change_may_be_told_by_a_name(x, y, key):
    output = x + y
    again = Graph.of(output).replay({key: 5, "y0": 1})
    assert again["add0"].value == 6


def test_the_graph_of_feedback_is_replayed(x, y):
    output = x * y
    output.backward("larger", propagator=(propagator := GraphPropagator()))
    seen = propagator.aggregate(x.feedback)
    assert Graph.of(seen).replay({"x0": 5})["multiply0"].value == 15


def test_names_that_are_those_of_no_step_or_of_several(x):
    GRAPH.clear()
    first, other = node(1, name="a1"), [node(i, name="a") for i in range(11)][-1]
    total = first + other
    graph = Graph.of(total)
    assert first.py_name == other.py_name
    with pytest.raises(NodeError, match="2 steps of the name 'a10': give the node itself"):
        graph.replay({"a10": 5})
    with pytest.raises(NodeError, match="no step of the name 'b0'"):
        graph.replay({"b0": 5})
    with pytest.raises(NodeError, match="does not depend on x:0"):
        graph.replay({x: 5})
    assert graph.replay({other: 5})["add0"].value == 6


def test_a_snapshot_keeps_no_program_alive_and_says_when_it_is_gone(x, y):
    graph = Graph.of(x + y)
    with pytest.raises(NodeError, match="values, not functions"):
        graph.replay({"x0": 5})
    output = x + y
    with pytest.raises(NodeError, match="values, not functions"):
        Graph.from_json(Graph.of(output).to_json()).replay({"x0": 5})
    assert Graph.of(output).replay({"x0": 5})["add1"].value == 8
