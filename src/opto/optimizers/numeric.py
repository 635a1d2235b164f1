"""Numbers and choices, proposed by a sampler that learns from scores: no words needed.

Source: issue 5, point 6; the samplers are those of Optuna.
"""

from __future__ import annotations

import logging
from random import getrandbits
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, OptimizerError
from opto.optimizers.domains import Domain
from opto.optimizers.optimizer import Optimizer
from opto.optimizers.proposal import Update
from opto.trace.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from opto.trace.propagators import Propagator

__all__ = ["NumericOptimizer"]


class NumericOptimizer(Optimizer):
    """Proposes values of parameters that are numbers or choices, by Optuna.

    Each step tells the sampler how good the present values are, and takes the next ones. How
    good they are is what `score` returns, or else the numbers that were given as feedback:
    ``optimizer.backward(output, 0.7)``. Feedback in words is no help here.

    Where a parameter may go is told by its projections (`Range`, `Choices`), by a constraint
    that lists options, or by `ranges`; a number without any of these is looked for within ten
    times its first value, and at least 10, around it.

    Args:
        parameters: a list of parameters, each a number, a truth value, an enum member or
            one of a few options.
        score: runs the program as it is and returns how good it is.
        maximize: whether more is better.
        sampler: a sampler of Optuna; None for its TPE.
        seed: where the sampler's chance begins; None to draw it from `random`.
        ranges: the lowest and the highest value by parameter.
        propagator: as in `Optimizer`.

    Raises:
        OptimizerError: a parameter is neither a number nor a choice, or Optuna is not
            installed; the message has the command.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.projections import Range
        >>> x = node(0.0, trainable=True, projections=[Range(-10, 10)])
        >>> optimizer = NumericOptimizer([x], seed=0)
        >>> for _ in range(60):
        ...     optimizer.zero_feedback()
        ...     optimizer.backward(x - 3, -abs(x.data - 3))
        ...     _ = optimizer.step()
        >>> optimizer.best.apply()
        >>> abs(x.data - 3) < 0.5
        True
    """

    def __init__(
        self,
        parameters: Any,
        score: Callable[[], float] | None = None,
        *,
        maximize: bool = True,
        sampler: Any = None,
        seed: int | None = None,
        ranges: Mapping[Any, tuple[float, float]] | None = None,
        propagator: Propagator | None = None,
    ) -> None:
        super().__init__(parameters, propagator=propagator)
        given = {id(parameter): bounds for parameter, bounds in (ranges or {}).items()}
        if strange := [p for p in ranges or () if not any(p is own for own in self.parameters)]:
            raise ArgumentError(f"ranges= names {strange[0]!r}, which is no parameter of these")
        # By place: names need not be unique, and values need not be hashable.
        self.domains = {
            str(place): (parameter, Domain.of(parameter, given.get(id(parameter))))
            for place, parameter in enumerate(self.parameters)
            if parameter.trainable
        }
        self.score = score
        self.maximize = maximize
        self._study = _study(sampler, seed, maximize=maximize)

    @property
    def best(self) -> Update:
        """The best values that were scored so far, not applied yet.

        Raises:
            OptimizerError: nothing was scored yet.
        """
        if not self._study.trials or not any(t.value is not None for t in self._study.trials):
            raise OptimizerError("nothing was scored yet; call step() first")
        return self._update(self._study.best_params)

    def _step(
        self,
        verbose: bool | str = False,  # noqa: ARG002 - as other optimizers, for which it may stand
        mask: Collection[str] | None = None,  # noqa: ARG002
    ) -> Update:
        """Tell how good the present values are, and take the next ones."""
        import optuna  # lazy: an optional package, 0.4 s

        distributions = {name: d.distribution for name, (_, d) in self.domains.items()}
        params = {name: d.plain(p._data) for name, (p, d) in self.domains.items()}
        worth = self._worth()
        within = all(d.holds(params[name]) for name, (_, d) in self.domains.items())
        if within:
            self._study.add_trial(
                optuna.create_trial(params=params, distributions=distributions, value=worth)
            )
        trial = self._study.ask(distributions)
        # What comes of it is told at the next step, with whatever values the program then has.
        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return self._update(trial.params)

    def _update(self, params: Mapping[str, Any]) -> Update:
        found = {p: d.value(params[name]) for name, (p, d) in self.domains.items()}
        return Update.of(found)

    def _worth(self) -> float:
        if self.score is not None:
            worth: Any = self.score()
            worth = worth.data if isinstance(worth, Node) else worth
            return float(worth)
        remarks = getattr(getattr(self.trace_graph, "feedback", None), "remarks", ())
        scores: list[float] = [r.score for r in remarks if r.score is not None]
        if not scores:
            raise OptimizerError(
                "numbers are tuned by numbers: give score=..., or a number as feedback, as in "
                "optimizer.backward(output, 0.7)"
            )
        return sum(scores) / len(scores)

    def _shared(self) -> list[Any]:
        return [*super()._shared(), self._study, self.domains]


def _study(sampler: Any, seed: int | None, *, maximize: bool) -> Any:
    try:
        import optuna  # lazy: an optional package, 0.4 s
    except ImportError as cause:
        raise OptimizerError(
            'NumericOptimizer needs Optuna: pip install "trace-opt[numeric]"'
        ) from cause
    if sampler is None:
        seed = getrandbits(32) if seed is None else seed
        sampler = optuna.samplers.TPESampler(seed=seed)
    log = logging.getLogger("optuna")
    level = log.level
    log.setLevel(logging.WARNING)  # else it prints that there is a study
    try:
        return optuna.create_study(
            sampler=sampler, direction="maximize" if maximize else "minimize"
        )
    finally:
        log.setLevel(level)
