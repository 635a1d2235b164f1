"""What the cases call `node`, `bundle` and so on, for each side of the comparison.

A side is entered in its own environment, so it is imported when it is chosen.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Names = dict[str, Any]


def nothing() -> None:
    """What a side does to forget, where it remembers nothing."""


def plain() -> Names:
    """Python without any tracing, as the cases would be written without it."""
    return {
        "node": lambda value: value,
        "bundle": lambda: lambda function: function,
        "forget": nothing,
    }


def minimal() -> Names:
    """The near-limit."""
    least = import_module("benchmarks.minimal")
    return {"node": least.Node, "bundle": lambda: least.bundle, "forget": nothing}


def traced() -> Names:
    """Ours or the original: both distributions are called `opto` and have one public API."""
    trace = import_module("opto.trace")

    @trace.bundle()
    def gathered(*values):
        """One operation on them all."""
        return 0

    return {
        "node": trace.node,
        "bundle": trace.bundle,
        "untraced": trace.stop_tracing,
        "gathered": gathered,
        "backward": lambda z: z.backward("more"),
        "forget": trace.GRAPH.clear,
    }


def torch() -> Names:
    """Scalar tensors that require gradients: a tracer in C++."""
    # It says so where there is no numpy, which it does not need here.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    library = import_module("torch")
    library.set_num_threads(1)
    sample = import_module("benchmarks.sample")

    def node(value, **_):
        floats = [float(v) for v in value] if isinstance(value, list) else float(value)
        return library.tensor(floats, requires_grad=True)

    return {
        "node": node,
        "untraced": library.no_grad,
        "gathered": lambda *values: library.stack(values).sum(),
        "backward": lambda z: z.backward(),
        "held": sample.resident_bytes,
        "forget": nothing,
    }


class StandIn(ModuleType):
    """A client of models that has every name, for a package that is not to ask any."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def textgrad() -> Names:
    """TextGrad's variables, which are texts; nothing here asks a model."""
    # It imports both clients whether it is to ask or not, and begins a log where it is.
    sys.modules.update({name: StandIn(name) for name in ("litellm", "openai")})
    os.environ["TEXTGRAD_LOG_DIR"] = str(Path(sys.prefix) / "logs")
    library = import_module("textgrad")

    def node(value):
        return library.Variable(str(value or ""), role_description="x")

    return {"node": node, "total": library.sum, "forget": nothing}


SIDES: dict[str, Callable[[], Names]] = {
    "ours": traced,
    "original": traced,
    "textgrad": textgrad,
    "torch": torch,
    "minimal": minimal,
    "plain": plain,
}
