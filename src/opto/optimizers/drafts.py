"""Choosing among several drafts of one step by trying each out on the program."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.optimizers.convert import same
from opto.optimizers.proposal import Trial, Update
from opto.trace.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opto.optimizers.proposal import Change

__all__ = ["best_of"]


def best_of(updates: Sequence[Update], score: Callable[[], float]) -> Update:
    """The update that scores best, or one without changes if the present values score better.

    Each is applied, scored and undone. A draft with which the program raises is out; so are
    drafts that repeat another one.

    Args:
        updates: the drafts.
        score: runs the program as it is now and says how good it is; more is better.

    Raises:
        OptimizerError: `score` raised with the present values and with every draft, or
            did not return a number.
    """
    present, failure = _tried(score)
    trials: list[Trial] = []
    distinct: list[Update] = []
    for update in updates:
        if not update.changes or any(_alike(update.changes, u.changes) for u in distinct):
            continue
        distinct.append(update)
        update.apply()
        try:
            worth, why = _tried(score)
        finally:
            update.undo()
        trials.append(Trial(update.changes, worth, None if why is None else _words(why)))
    if failure is not None and all(trial.score is None for trial in trials):
        raise OptimizerError(
            f"score() raised with the present values, and with each of {len(trials)} drafts; "
            f"with the present values it was {_words(failure)}"
        ) from failure
    return _chosen(updates[0], distinct, trials, present)


def _chosen(
    first: Update, distinct: Sequence[Update], trials: Sequence[Trial], present: float | None
) -> Update:
    least = float("-inf") if present is None else present
    scored = [(t.score, u) for t, u in zip(trials, distinct, strict=True) if t.score is not None]
    best = max(scored, key=lambda pair: pair[0], default=None)  # the first among equals
    if best is not None and best[0] >= least:
        return replace(best[1], trials=tuple(trials))
    return replace(first, changes=(), trials=tuple(trials))


def _tried(score: Callable[[], float]) -> tuple[float | None, Exception | None]:
    try:
        worth: Any = score()
    except Exception as cause:  # noqa: BLE001 - a program with a draft in it may raise anything
        return None, cause
    if isinstance(worth, Node):
        worth = worth.data
    try:
        number = float(worth)
    except (TypeError, ValueError) as cause:
        raise OptimizerError(f"score() must return a number, not {worth!r}") from cause
    return (None, ValueError("the score is nan")) if isnan(number) else (number, None)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip()


def _alike(one: Sequence[Change], other: Sequence[Change]) -> bool:
    return len(one) == len(other) and all(
        a.parameter is b.parameter and same(a.after, b.after)
        for a, b in zip(one, other, strict=True)
    )
