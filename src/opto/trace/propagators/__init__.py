"""How feedback travels back through a recorded program."""

from opto.trace.propagators.graph_propagator import GraphPropagator
from opto.trace.propagators.propagators import (
    AbstractFeedback,
    AbstractPropagator,
    Propagator,
    SumPropagator,
)
from opto.trace.propagators.trace_graph import TraceGraph

__all__ = [
    "AbstractFeedback",
    "AbstractPropagator",
    "GraphPropagator",
    "Propagator",
    "SumPropagator",
    "TraceGraph",
]
