"""What tests of the inside of calls share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.optimizers.summary import node_to_function_feedback
from opto.trace.graph import ancestors
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback

if TYPE_CHECKING:
    from opto.trace import Node


def calls(graph: TraceGraph) -> list[str]:
    """The steps of a graph as the optimizer's prompt writes them."""
    return [line for _, line in node_to_function_feedback(graph).graph]


def heard(*parameters: Node) -> list[Any]:
    """What was said to each of them."""
    return [sum_feedback([p]).user_feedback for p in parameters]


def whole(output: Node) -> TraceGraph:
    """All that `output` was computed from."""
    return TraceGraph([(0, n) for n in ancestors(output)])
