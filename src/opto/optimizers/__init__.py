"""READ and PROPOSE: from a run and what was said about it to new values for its parameters."""

from opto.optimizers.optimizer import Optimizer
from opto.optimizers.optoprime import OptoPrime

__all__ = ["Optimizer", "OptoPrime"]
