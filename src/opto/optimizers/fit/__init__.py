"""FIT: a problem of any size within a budget of tokens."""

from __future__ import annotations

from opto.optimizers.fit.budget import Budget, budget_of
from opto.optimizers.fit.fitting import fitted
from opto.optimizers.fit.tries import remembered

__all__ = ["Budget", "budget_of", "fitted", "remembered"]
