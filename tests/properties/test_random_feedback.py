"""Feedback in any order: on several outputs, again, refused, retained, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import BackwardError
from opto.trace import Node, bundle, node
from opto.trace.propagators import GraphPropagator
from opto.trace.utils import sum_feedback
from tests.properties.oracle import in_order, reference, upstream
from tests.properties.strategies import shapes

HIDDEN = node(7, name="hidden", trainable=True)
join = bundle("[join] any number")(lambda *values: 0)
box = bundle("[box] with a parameter inside", traceable_code=True)(
    lambda *values: values[0] + HIDDEN
)


@dataclass(frozen=True)
class Send:
    """Feedback on the step or parameter at a place."""

    at: int
    said: Any
    retain: bool


@dataclass(frozen=True)
class Forget:
    """The parameter at a place is told to forget."""

    at: int


@dataclass
class Model:
    """What the definitions say of a run, kept by hand.

    Args:
        parameters: those of the run.
        boxes: results of calls in which HIDDEN was used.
    """

    parameters: list[Node]
    boxes: set[Node]
    consumed: set[Node] = field(default_factory=set)
    heard: dict[Node, list[tuple[Node, Any]]] = field(default_factory=dict)

    def inputs(self, n: Node) -> list[Node]:
        """Also the parameter used in a box, which is not given to it."""
        return [*n.parents, *([HIDDEN] if n in self.boxes else [])]

    def steps(self, output: Node) -> set[Node]:
        """Those that feedback on `output` goes through: what depends on a parameter."""
        computed = {n for n in upstream(output) if n.parents}
        fed = {n for n in computed if upstream(n, self.inputs) & set(self.parameters)}
        nothing_learns = not upstream(output, self.inputs) & set(self.parameters)
        return computed if nothing_learns else fed

    def refuses(self, output: Node) -> bool:
        return output in self.consumed or bool(self.steps(output) & self.consumed)

    def take(self, output: Node, said: Any, *, retain: bool) -> None:
        if not retain:
            self.consumed |= self.steps(output)
        for p in self.parameters:
            if p in upstream(output, self.inputs):
                self.heard.setdefault(p, []).append((output, said))

    def check(self, p: Node) -> None:
        heard = self.heard.get(p, [])
        graph = GraphPropagator().aggregate(p.feedback)
        expected = [reference(p, output, self.inputs) for output in {o for o, _ in heard}]
        assert set(graph.nodes) == set().union(*expected)
        said = [(r.output, r.content) for r in graph.feedback.remarks]
        assert sorted(said, key=repr) == sorted({(o.py_name, s) for o, s in heard}, key=repr)
        in_order(graph)


def built(shape: list[tuple[int, ...]], boxed: list[bool]) -> tuple[list[Node], Model]:
    p, q = node(1, name="p", trainable=True), node(1, name="q", trainable=True)
    nodes, boxes = [p, q, node(1)], set()
    for operands, as_box in zip(shape, boxed, strict=False):
        nodes.append((box if as_box else join)(*(nodes[i] for i in operands)))
        if as_box:
            boxes.add(nodes[-1])
    HIDDEN.zero_feedback()
    return nodes, Model([p, q, HIDDEN], boxes)


places = st.integers(0, 30)
actions = st.one_of(
    st.builds(Send, places, st.sampled_from(["a", "b", 1, 1.5]), st.booleans()),
    st.builds(Send, places, st.just("a"), st.just(value=True)),
    st.builds(Forget, st.integers(0, 2)),
)
boxed = st.lists(st.sampled_from([False, False, True]), min_size=12, max_size=12)


@given(shapes(max_steps=12), boxed, st.lists(actions, min_size=1, max_size=8))
def test_feedback_in_any_order_is_heard_or_refused_as_the_definition_says(shape, boxed, actions):
    nodes, model = built(shape, boxed)
    for action in actions:
        if isinstance(action, Forget):
            p = model.parameters[action.at]
            p.zero_feedback()
            model.heard.pop(p, None)
        else:
            send(nodes, model, action)
        for p in model.parameters:
            model.check(p)
    heard = [p for p in model.parameters if model.heard.get(p)]
    total = sum_feedback(heard)
    assert {n for _, n in total.graph} == set().union(
        *(reference(p, o, model.inputs) for p in heard for o, _ in model.heard[p])
    )
    assert {(r.output, r.content) for r in total.feedback.remarks} == {
        (o.py_name, s) for p in heard for o, s in model.heard[p]
    }


def send(nodes: list[Node], model: Model, action: Send) -> None:
    # A parameter, too, can be an output; a constant is none.
    outputs = [*nodes[:2], *nodes[3:]]
    output = outputs[action.at % len(outputs)]
    if model.refuses(output):
        with pytest.raises(BackwardError, match="backwarded"):
            output.backward(action.said, retain_graph=action.retain)
    else:
        output.backward(action.said, retain_graph=action.retain)
        model.take(output, action.said, retain=action.retain)


@given(shapes(max_steps=12), boxed, st.data())
def test_the_order_of_two_sendings_does_not_matter(shape, boxed, data):
    def heard(order: int) -> list[tuple[set[str], set[Any]]]:
        nodes, model = built(shape, boxed)
        names = {id(n): str(i) for i, n in enumerate(nodes)}
        ends = [(nodes[3 + i % len(shape)], f"on {i}") for i in (first, second)]
        for output, said in ends[::order]:
            output.backward(said, retain_graph=True)
        graphs = [GraphPropagator().aggregate(p.feedback) for p in model.parameters]
        return [
            (
                {names.get(id(n), "inner") for n in graph.nodes},
                {remark.content for remark in graph.feedback.remarks},
            )
            for graph in graphs
        ]

    first, second = data.draw(st.tuples(places, places))
    assert heard(1) == heard(-1)


@given(shapes(max_steps=12), boxed, st.data())
def test_a_refused_sending_changes_nothing(shape, boxed, data):
    nodes, _ = built(shape, boxed)
    outputs = data.draw(st.lists(st.sampled_from(nodes[3:]), min_size=2, max_size=3))
    outputs[0].backward("first")
    before = [dict(n.feedback) for n in nodes]
    closed = [n.backwarded for n in nodes]
    for output in outputs[1:]:
        try:
            output.backward("again")
        except BackwardError:
            assert [dict(n.feedback) for n in nodes] == before
            assert [n.backwarded for n in nodes] == closed
        else:
            return
