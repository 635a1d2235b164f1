"""Code that a model wrote, run in a place of its own."""

from opto.sandbox.outcome import Outcome
from opto.sandbox.policy import LEVELS, Level, Policy, policy_here, use
from opto.sandbox.task import Names, SelfView, Task

__all__ = [
    "LEVELS",
    "Level",
    "Names",
    "Outcome",
    "Policy",
    "SelfView",
    "Task",
    "policy_here",
    "use",
]
