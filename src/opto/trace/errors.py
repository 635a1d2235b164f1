"""Old address of `opto.errors`."""

from opto.errors import (
    BackwardError,
    BundleError,
    ExecutionError,
    NodeError,
    SourceError,
    TraceError,
    TraceMissingInputsError,
)

__all__ = [
    "BackwardError",
    "BundleError",
    "ExecutionError",
    "NodeError",
    "SourceError",
    "TraceError",
    "TraceMissingInputsError",
]
