"""What the definitions say, worked out the slow and plain way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from opto.trace import Node
from opto.trace.graph import Graph
from opto.trace.propagators import GraphPropagator

Inputs = Callable[[Node], Collection[Node]]


def parents(n: Node) -> Collection[Node]:
    """What a node was computed from, as far as it is seen from outside."""
    return n.parents


def upstream(start: Node, inputs: Inputs = parents) -> set[Node]:
    """`start` and all that it was computed from."""
    found, queue = {start}, [start]
    while queue:
        for parent in inputs(queue.pop()):
            if parent not in found:
                found.add(parent)
                queue.append(parent)
    return found


def reference(parameter: Node, output: Node, inputs: Inputs = parents) -> set[Node]:
    """What should reach `parameter`: the output, and the inputs of every step in between."""
    reached, on_the_way = {output}, [output]
    for step in on_the_way:
        for parent in inputs(step):
            new = parent is not parameter and not any(seen is parent for seen in on_the_way)
            if new and parameter in upstream(parent, inputs):
                on_the_way.append(parent)
        reached |= set(inputs(step))
    return reached


def check(
    parameters: Sequence[Node], output: Node, said: Any = "f", inputs: Inputs = parents
) -> None:
    """Feedback on `output`, and on nothing else, is with the parameters as it should be."""
    for parameter in parameters:
        graph = GraphPropagator().aggregate(parameter.feedback)
        found = [n for _, n in graph.graph]
        if parameter not in upstream(output, inputs):
            assert found == []
            continue
        assert set(found) == reference(parameter, output, inputs)
        assert len(set(found)) == len(found)
        assert graph.user_feedback == said
        in_order(graph)


def in_order(graph: Any) -> None:
    """A graph is sorted by level, then by creation; inputs stand first; it stays so."""
    pairs = list(graph.graph)
    assert [(n.level, n._serial) for _, n in pairs] == sorted(
        (n.level, n._serial) for _, n in pairs
    )
    assert [level for level, _ in pairs] == [n.level for _, n in pairs]
    place = {id(n): i for i, (_, n) in enumerate(pairs)}
    for n in graph.nodes:
        assert all(place[id(p)] < place[id(n)] for p in n.parents if id(p) in place)
    again = GraphPropagator().aggregate({None: [graph, graph]})
    assert [n is m for n, m in zip(again.nodes, graph.nodes, strict=True)] == [True] * len(pairs)
    steps = Graph.of(graph).steps
    assert [(s.level, s.kind) for s in steps] == [(level, n.kind) for level, n in pairs]
    assert len({s.name for s in steps}) == len(steps)
