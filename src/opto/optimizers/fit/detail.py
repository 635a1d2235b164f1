"""How much of a run is shown: the levels that are tried, from most to least."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Detail", "limits", "partial", "whole"]

CUT = (600, 200, 60)
"""Characters to which values are cut, the longest first, below what the user allows."""

# Characters of outputs and of feedback that are shown in any case.
TOLD = 240
# From a level to the next: a third of the steps less.
SHRINK = 1.5


@dataclass(frozen=True, slots=True)
class Detail:
    """A level of detail.

    Args:
        steps: how many of the most telling steps are written out; None for all of them.
        limit: characters of each value between parameters and outputs; 0 for no values.
        told: characters that the outputs may take together, and the feedback as well.
    """

    steps: int | None
    limit: int
    told: int


def whole(limit: int, tokens: int) -> list[Detail]:
    """The levels at which all steps are written out, from most to least.

    Args:
        limit: characters of a value, at most.
        tokens: of the budget.

    Example:
        >>> [(one.steps, one.limit) for one in whole(200, 1000)]
        [(None, 200), (None, 200), (None, 60)]
    """
    told = max(tokens, TOLD)  # about a quarter of the budget
    levels = [Detail(None, size, told) for size in limits(limit)]
    return [replace(levels[0], told=3 * told), *levels]


def partial(count: int, limit: int, tokens: int) -> list[Detail]:
    """The levels at which some steps are, fewer and fewer: those that tell least go first.

    Args:
        count: how many steps may be written out.
        limit: characters of a value, at most.
        tokens: of the budget.

    Example:
        >>> [(one.steps, one.limit) for one in partial(3, 200, 1000)]
        [(3, 200), (3, 200), (3, 60), (2, 60), (1, 60), (1, 0), (0, 0), (0, 0)]
    """
    levels = [replace(one, steps=count) for one in whole(limit, tokens)]
    last, steps = levels[-1], int(count / SHRINK)
    while steps > 0:
        levels.append(replace(last, steps=steps))
        steps = int(steps / SHRINK)
    few = replace(last, steps=min(count, 1), limit=0)
    return [*levels, few, replace(few, steps=0), Detail(0, 0, TOLD)]


def limits(most: int) -> list[int]:
    """Lengths of values to try, the longest first."""
    return [most, *(size for size in CUT if size < most)]
