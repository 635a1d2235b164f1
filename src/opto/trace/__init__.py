"""RECORD: what a program did, as a graph that feedback can travel back through."""

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import operators, projections, propagators, utils
from opto.trace.broadcast import apply_op
from opto.trace.bundle import bundle
from opto.trace.containers import NodeContainer
from opto.trace.modules import Model, Module, model
from opto.trace.nodes import GRAPH, Node, node
from opto.trace.tape import stop_tracing

__all__ = [
    "GRAPH",
    "ExecutionError",
    "Model",
    "Module",
    "Node",
    "NodeContainer",
    "TraceMissingInputsError",
    "apply_op",
    "bundle",
    "model",
    "node",
    "operators",
    "projections",
    "propagators",
    "stop_tracing",
    "utils",
]
