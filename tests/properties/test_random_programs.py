"""Random programs behave traced as they do in plain Python, and feedback reaches what it should."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import Node, bundle, node, stop_tracing
from opto.trace.nodes import MessageNode
from opto.trace.utils import sum_feedback
from tests.properties.oracle import check, in_order, reference, upstream
from tests.properties.strategies import FUNCTIONS, Program, Step, programs, shapes


@pytest.fixture(autouse=True, scope="module")
def _looked_up_among_few():
    """`children` passes over all objects: over those that are made from here on."""
    gc.collect()
    gc.freeze()


BUNDLED = {operation.name: bundle()(operation.run) for operation in FUNCTIONS}


def entered(program: Program) -> list[Any]:
    """The inputs of a program as they enter its traced run."""
    made = {
        "parameter": lambda v: node(v, trainable=True),
        "node": node,
        "raw": lambda v: v,
    }
    pairs = zip(program.kinds, copy.deepcopy(program.inputs), strict=True)
    return [made[kind](value) for kind, value in pairs]


def perform(step: Step, values: list[Any]) -> Any:
    run = BUNDLED.get(step.operation.name, step.operation.run)
    return run(*(values[i] for i in step.operands))


def plain(value: Any) -> Any:
    return value.data if isinstance(value, Node) else value


def run_traced(program: Program) -> list[Any]:
    """Inputs and results of the steps; a last step that fails leaves its exception node.

    A failing step on raw values leaves nothing: it is no part of the traced program.
    """
    values = entered(program)
    for step in program.steps:
        try:
            values.append(perform(step, values))
        except ExecutionError as error:
            values.append(error.exception_node)
        except type(program.error):
            assert not any(isinstance(values[i], Node) for i in step.operands)
    return values


def same_value(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and found == expected


@given(programs())
def test_values_and_exceptions_are_those_of_python(program: Program):
    values = entered(program)
    for step in program.steps:
        if len(values) < len(program.values):
            values.append(perform(step, values))
        else:
            kind, words = failure(step, values)
            assert kind == type(program.error).__name__
            # `a < b` is `b > a` where b's class is a subclass: Python asks it first.
            assert words == str(program.error) or step.operation.name in {"lt", "ge"}
    assert all(map(same_value, map(plain, values), program.values))


def failure(step: Step, values: list[Any]) -> tuple[str, str]:
    """The kind and the words of the exception that a step raises, traced or plain."""
    try:
        perform(step, values)
    except ExecutionError as error:
        kind, _, words = error.exception_node.data.partition(") ")
        return kind.removeprefix("("), words
    except Exception as error:  # noqa: BLE001 - a step on raw values raises what Python raises
        return type(error).__name__, str(error)
    return "", ""


@given(programs(may_fail=False))
def test_without_tracing_values_are_the_same_and_nothing_is_linked(program: Program):
    with stop_tracing():
        values = run_traced(program)
    assert [plain(v) for v in values] == list(program.values)
    assert all(v.parents == [] for v in values if isinstance(v, Node))


@given(programs())
def test_a_program_reaches_its_parameters_as_the_definition_says(program: Program):
    values = run_traced(program)
    output = values[-1]
    if not isinstance(output, MessageNode):
        return
    parameters = [v for v in values[: len(program.inputs)] if getattr(v, "trainable", False)]
    assert output.parameter_dependencies == upstream(output) & set(parameters)
    output.backward("f")
    check(parameters, output)


join = bundle("[join] any number")(lambda *values: 0)


def draw_graph(shape: list[tuple[int, ...]]) -> tuple[list[Node], list[Node]]:
    inputs = [node(1, name="p", trainable=True), node(1, name="q", trainable=True), node(1)]
    nodes = list(inputs)
    for operands in shape:
        nodes.append(join(*(nodes[i] for i in operands)))
    return inputs, nodes


@given(shapes())
def test_any_graph_reaches_its_parameters_as_the_definition_says(shape):
    (p, q, _), nodes = draw_graph(shape)
    nodes[-1].backward("f")
    check([p, q], nodes[-1])
    both = sum_feedback([p, q])
    expected = [reference(x, nodes[-1]) for x in (p, q) if x in upstream(nodes[-1])]
    assert {n for _, n in both.graph} == set().union(*expected)
    in_order(both)


@given(shapes(), st.data())
def test_several_outputs_add_up(shape, data):
    (p, *_), nodes = draw_graph(shape)
    steps = nodes[3:]
    outputs = data.draw(st.lists(st.sampled_from(steps), min_size=1, max_size=4, unique_by=id))
    for output in outputs:
        output.backward(f"on {output.py_name}", retain_graph=True)
    reached = [output for output in outputs if p in upstream(output)]
    graph = sum_feedback([p])
    assert {n for _, n in graph.graph} == set().union(*(reference(p, o) for o in reached), set())
    in_order(graph)
    for output in reached:
        assert f"on {output.py_name}" in str(graph.user_feedback)


@given(shapes())
def test_levels_are_the_longest_way_from_a_root(shape):
    _, nodes = draw_graph(shape)
    for n in nodes:
        assert n.level == (1 + max(p.level for p in n.parents) if n.parents else 0)


@given(shapes(max_steps=8))
def test_children_are_those_that_have_the_node_as_a_parent(shape):
    _, nodes = draw_graph(shape)
    for n in nodes[len(shape) % 4 :: 4][:1]:
        assert set(n.children) == {c for c in nodes if any(p is n for p in c.parents)}


def test_the_oracle_is_no_copy_of_the_program():
    """The reference above is checked by hand on the smallest program with a blanket node."""
    x = node(1, trainable=True)
    side = node(2) + node(3)
    mid = x * side
    out = mid - 1
    assert {n.name for n in reference(x, out)} == {
        n.name for n in (x, side, mid, out, out.parents[1])
    }
