"""Code that a model wrote, run in a place of its own.

What it may do is a `Policy`: put one in force with `use`, or give it to a function with
``bundle(trainable=True, sandbox=...)``. `engine_for` gives what runs a `Task` under it.
``python -m opto.sandbox`` tells what this machine enforces.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.sandbox.outcome import Outcome
from opto.sandbox.policy import LEVELS, Level, Policy, policy_here, use
from opto.sandbox.task import Names, SelfView, Task

if TYPE_CHECKING:
    from opto.sandbox.engine import CPython, Engine, engine_for
    from opto.sandbox.report import Report

__all__ = [
    "LEVELS",
    "CPython",
    "Engine",
    "Level",
    "Names",
    "Outcome",
    "Policy",
    "Report",
    "SelfView",
    "Task",
    "engine_for",
    "policy_here",
    "use",
]

# What takes time to import is imported when it is first used.
_ADDRESSES = {"CPython": "engine", "Engine": "engine", "Report": "report", "engine_for": "engine"}


def __getattr__(name: str) -> Any:
    if name not in _ADDRESSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ADDRESSES[name]}"), name)
