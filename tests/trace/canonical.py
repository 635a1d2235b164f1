"""Graphs as values: equal where they are isomorphic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from opto.trace import Node
from opto.trace.graph import ancestors


def canonical(*outputs: Node, shared: Iterable[Node] = ()) -> tuple[Any, ...]:
    """What is alike in two runs of one program, whatever their nodes are numbered.

    Args:
        outputs: the ends of the run.
        shared: nodes that both runs use; they are told by their name.
    """
    known = {id(n): n.name for n in shared}
    labels: dict[int, int] = {}
    table: dict[Any, int] = {}
    nodes = ancestors(*outputs)
    for n in nodes:
        # Parents come first, so a label stands for all that is upstream.
        inputs = tuple((key, labels[id(arg)]) for key, arg in n.inputs.items())
        hidden = len(n.parents) - len({id(arg) for arg in n.inputs.values()})
        external = tuple(labels[id(e)] for e in n.info.get("external_dependencies", ()))
        base = known.get(id(n), n.name.rpartition(":")[0])
        what = (base, n.kind, n.op_name, repr(n.recorded), inputs, hidden, external)
        labels[id(n)] = table.setdefault(what, len(table))
    spelled = {label: what for what, label in table.items()}
    amounts = Counter(labels.values())
    return (
        tuple(labels[id(o)] for o in outputs),
        tuple((spelled[label], amounts[label]) for label in range(len(table))),
    )


def all_names(runs: Iterable[Iterable[Node]]) -> list[str]:
    """The names of all nodes that the runs were computed from, each node once."""
    return [n.name for n in ancestors(*(output for outputs in runs for output in outputs))]
