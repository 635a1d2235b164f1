"""The default propagator: what an optimizer may read of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.trace.propagators.propagators import Propagator
from opto.trace.propagators.trace_graph import TraceGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["GraphPropagator"]


class GraphPropagator(Propagator):
    """Collects, on the way back, the subgraph through which the feedback came.

    Each step adds its inputs and hands one and the same graph to all of them, so a
    pass costs O(nodes + edges). Where no step has a rule of its own, the way is not gone:
    what stands between a parameter and the output is read off the steps, when it is asked for.

    Source: algorithm 1 of the Trace paper, with the union taken by links.
    """

    def init_feedback(self, node: Any, feedback: Any) -> TraceGraph:
        """The graph of the output alone, and what was said of it."""
        return TraceGraph([(0, node)], feedback)

    def at_once(self, way: Sequence[Any], feedback: Any) -> Callable[[Any], Any] | None:
        """The graph from the inputs of a step to the output, unless there are other rules."""
        if self.override or type(self) is not GraphPropagator:
            return None
        return lambda step: TraceGraph.along(way, step, feedback.feedback)

    def _propagate(self, child: Any) -> dict[Any, Any]:
        parents = child.parents
        if hidden := child._hidden:
            parents = [*parents, *hidden]
        graph = TraceGraph.linked((self.aggregate(child.feedback),), parents)
        return dict.fromkeys(parents, graph)

    def aggregate(self, feedback: Mapping[Any, Sequence[TraceGraph]]) -> TraceGraph:
        """The sum of all that was said to one node.

        Args:
            feedback: by child, as `Node.feedback` holds it.
        """
        graphs: list[TraceGraph] = []
        for shares in feedback.values():
            graphs += shares
        return graphs[0] if len(graphs) == 1 else TraceGraph.linked(graphs)
