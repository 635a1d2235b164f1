"""Choosing among several drafts of one step by trying each out on the program."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan
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
    trials = [Trial((), present, _words(failure))]
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
        trials.append(Trial(update.changes, worth, _words(why)))
    if failure is not None and all(trial.score is None for trial in trials):
        raise OptimizerError(
            f"score() raised with the present values and with each of {len(distinct)} drafts; "
            f"with the present values it was {_words(failure)}"
        ) from failure
    return replace(_chosen(updates[0], distinct, trials), trials=tuple(trials))


def _chosen(first: Update, drafts: Sequence[Update], trials: Sequence[Trial]) -> Update:
    least = -inf if trials[0].score is None else trials[0].score
    pairs = zip(trials[1:], drafts, strict=True)
    scored = [(trial.score, draft) for trial, draft in pairs if trial.score is not None]
    best = max(scored, key=lambda pair: pair[0], default=None)  # the first among equals
    if best is None or best[0] < least:
        return replace(first, changes=())
    return best[1]


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


def _words(error: Exception | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"


def _alike(one: Sequence[Change], other: Sequence[Change]) -> bool:
    return len(one) == len(other) and all(
        a.parameter is b.parameter and same(a.after, b.after)
        for a, b in zip(one, other, strict=True)
    )
