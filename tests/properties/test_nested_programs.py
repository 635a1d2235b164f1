"""Random programs, cut into functions that work on nodes: opened, they are what they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opto.trace import bundle, node
from opto.trace.graph import Graph, ancestors
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback
from opto.view.groups import arrows_of
from opto.view.picture import Picture

OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * 2 + b,
    "neg": lambda a, b: -a,
}


@dataclass(frozen=True)
class Step:
    """An operation on two of the values so far; numbers count from the last value back."""

    name: str
    left: int
    right: int

    def run(self, values: list[Any], *, nested: bool) -> Any:
        return OPERATIONS[self.name](pick(values, self.left), pick(values, self.right))


@dataclass(frozen=True)
class Call:
    """A function that is given some of the values, and sees the others by their names.

    Args:
        given: the values that are its arguments.
        sees: whether it also uses those around it.
        body: what it does.
        result: which of its values it returns, also one that it was given.
    """

    given: tuple[int, ...]
    sees: bool
    body: tuple[Any, ...]
    result: int

    def run(self, values: list[Any], *, nested: bool) -> Any:
        around = list(values) if self.sees else []

        def function(*given: Any) -> Any:
            mine = [*around, *given] or list(values)
            for step in self.body:
                mine.append(step.run(mine, nested=nested))
            return pick(mine, self.result)

        if nested:
            function = bundle("[function] a part", traceable_code=True)(function)
        return function(*[pick(values, i) for i in self.given])


def pick(values: list[Any], back: int) -> Any:
    return values[-1 - back % len(values)]


places = st.integers(0, 5)
steps = st.builds(Step, st.sampled_from(sorted(OPERATIONS)), places, places)
parts = st.recursive(
    steps,
    lambda inner: st.builds(
        Call,
        st.lists(places, max_size=3).map(tuple),
        st.booleans(),
        st.lists(inner, max_size=4).map(tuple),
        st.integers(0, 3),
    ),
    max_leaves=12,
)
programs = st.lists(parts, min_size=1, max_size=6)

# What it returns was made outside, so that one open call uses the result of another.
GIVES_IT_BACK = Call((), False, (), 0)


def run(program: list[Any], roots: list[Any], *, nested: bool) -> Any:
    values = list(roots)
    for step in program:
        values.append(step.run(values, nested=nested))
    return values[-1]


def form(output: Any) -> tuple[Any, int]:
    """The structure of all that `output` was computed from, whatever its nodes are called."""
    numbers: dict[Any, int] = {}
    of: dict[int, int] = {}
    nodes = ancestors(output)
    for n in nodes:
        leaf = id(n) if n.name.startswith(("p:", "x:")) else (n.op_name, repr(n.data))
        key = (n.op_name, *(of[id(a)] for a in n._args)) if n._args else leaf
        of[id(n)] = numbers.setdefault(key, len(numbers))
    return sorted(map(repr, numbers)), len(nodes)


def roots() -> list[Any]:
    return [node(1, name="x"), *(node(i, name="p", trainable=True) for i in (2, 3))]


def end_of(graph: TraceGraph) -> Any:
    (said,) = graph.feedback.remarks
    return next(n for n in graph.nodes if n.py_name == said.output)


@settings(print_blob=True)
@given(programs)
def test_opened_a_program_is_what_it_is_without_functions(program) -> None:
    given = roots()
    plain, nested = (run(program, given, nested=n) for n in (False, True))
    assert nested.data == plain.data
    run_of = TraceGraph([(0, n) for n in ancestors(nested)], "said")
    opened = run_of.opened()
    assert form(end_of(opened)) == form(plain)
    # Inputs stand before what uses them, and levels are those of the plain program.
    assert end_of(opened).level == plain.level
    seen: set[int] = set()
    for n in opened.nodes:
        assert all(id(a) in seen for a in n._args)
        seen.add(id(n))


@given(programs)
def test_every_parameter_that_was_used_hears(program) -> None:
    given = roots()
    plain, nested = (run(program, given, nested=n) for n in (False, True))
    used = plain.parameter_dependencies
    below = nested.parameter_dependencies | nested.hidden_dependencies
    hidden = {p for n in nested.expandable_dependencies for p in n.hidden_dependencies}
    assert used <= below | hidden
    nested.backward("said")
    for p in used - {nested}:
        heard = sum_feedback([p])
        assert heard.user_feedback == "said"
        assert any(n is p for n in heard.nodes)
        # Opened, there is a way from the parameter to the output.
        assert p in ancestors(end_of(heard.opened()))
        # Closed, the optimizer is shown which call used it.
        snapshot = Graph.of(heard)
        assert any(p.py_name in dict(s.inputs).values() for s in snapshot.steps)


@given(programs)
def test_opening_level_by_level_is_opening_at_once(program) -> None:
    nested = run(program, roots(), nested=True)
    graph = TraceGraph([(0, n) for n in ancestors(nested)], "said")
    at_once, by_level = graph.opened(), graph
    for _ in range(12):
        by_level = by_level.opened(1)
    assert form(end_of(by_level)) == form(end_of(at_once))
    assert by_level.opened() is by_level
    assert at_once.opened() is at_once


@example([Step("add", 0, 0), GIVES_IT_BACK, Step("add", 0, 0), GIVES_IT_BACK])
@given(programs)
def test_an_opened_picture_is_that_of_the_opened_graph(program) -> None:
    nested = run(program, roots(), nested=True)
    nodes = ancestors(nested)
    picture = Picture.of(nodes, nested, expand=None)
    assert Picture.of(nodes, nested, expand=0) == Picture.of(nodes, nested)
    drawn = {(a.tail, a.head) for a in arrows_of(picture)}
    opened = TraceGraph([(0, n) for n in nodes]).opened()
    ends = {n.py_name for n in opened.nodes}
    within = {(a.py_name, n.py_name) for n in opened.nodes for a in n.parents}
    # Between steps there are the same arrows; those over the result of a call go through it.
    assert {(t, h) for t, h in drawn if t in ends and h in ends} <= within
    reach = closure(drawn)
    assert within <= reach


def closure(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    after: dict[str, set[str]] = {}
    for tail, head in arrows:
        after.setdefault(tail, set()).add(head)
    found: set[tuple[str, str]] = set()
    for start, heads in list(after.items()):
        todo = list(heads)
        while todo:
            name = todo.pop()
            if (start, name) not in found:
                found.add((start, name))
                todo += after.get(name, ())
    return found


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_one_call_did_is_what_it_does_alone(depth: int) -> None:
    inner = Call((0,), False, (Step("multiply", 0, 0),), 0)
    program = [Step("add", 0, 1)]
    for _ in range(depth):
        inner = Call((0,), False, (inner, Step("add", 0, 1)), 0)
    y = run([*program, inner], roots(), nested=True)
    plain = run([*program, inner], roots(), nested=False)
    operations = [n.op_name for n in TraceGraph.expand(y, depth=None).nodes if n._args]
    assert sorted(operations) == sorted(n.op_name for n in ancestors(plain) if n._args)
