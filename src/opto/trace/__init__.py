"""RECORD: what a program did, as a graph that feedback can travel back through."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import propagators
from opto.trace.broadcast import apply_op
from opto.trace.bundle import bundle
from opto.trace.containers import NodeContainer
from opto.trace.modules import Model, Module, model
from opto.trace.nodes import GRAPH, Node, node
from opto.trace.tape import carried, name_scope, stop_tracing

if TYPE_CHECKING:
    from opto.trace import graft, operators, projections, utils
    from opto.trace.graft import submit
    from opto.trace.replaying import replay

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
    "carried",
    "graft",
    "model",
    "name_scope",
    "node",
    "operators",
    "projections",
    "propagators",
    "replay",
    "stop_tracing",
    "submit",
    "utils",
]

# Rooms that most programs do not enter: imported when they are first asked for.
_ROOMS = ("graft", "operators", "projections", "utils")
_WHEN_ASKED = {"replay": "opto.trace.replaying", "submit": "opto.trace.graft"}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"opto.trace.{name}")
    if name in _WHEN_ASKED:
        return getattr(import_module(_WHEN_ASKED[name]), name)
    raise AttributeError(f"module 'opto.trace' has no attribute {name!r}")
