"""Which of several proposals most of them agree with.

Source: SPEC 7.4, the technique "majority": complete linkage, distances up to 0.2, the middle
of the largest cluster. Values are compared, where the original compared the texts of answers.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from math import isfinite
from typing import TYPE_CHECKING, Any

from opto.optimizers.convert import same
from opto.optimizers.render import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.optimizers.proposal import Proposal

__all__ = ["apart", "majority"]

# How far from each other the members of a cluster may be, as a part of everything.
NEAR = 0.2
# Characters above which texts are compared word by word, and what is looked at of them then.
LONG, WORDS = 1000, 2000


def majority(
    proposals: Sequence[Proposal], current: Mapping[str, Any], near: float = NEAR
) -> Proposal:
    """The proposal in the middle of those that most agree with.

    Args:
        proposals: at least one.
        current: the present values, which are what a proposal says of what it leaves out.
        near: how far from each other those that agree may be: 0 for equal, 1 for anything.
    """
    count = range(len(proposals))
    far = {
        (a, b): apart(proposals[a], proposals[b], current) for a in count for b in count if a < b
    }

    def between(a: int, b: int) -> float:
        return 0.0 if a == b else far[min(a, b), max(a, b)]

    largest = max(_clusters(len(proposals), between, near), key=len)
    return proposals[min(largest, key=lambda a: sum(between(a, b) for b in largest))]


def _clusters(
    count: int, between: Callable[[int, int], float], near: float
) -> list[tuple[int, ...]]:
    """Groups in which no two are further apart than `near`, the nearest joined first."""
    groups: list[tuple[int, ...]] = [(one,) for one in range(count)]
    while len(groups) > 1:
        spans = [
            (max(between(a, b) for a in one for b in other), i, j)
            for i, one in enumerate(groups)
            for j, other in enumerate(groups)
            if i < j
        ]
        span, i, j = min(spans)
        if span > near:
            break
        groups[i] = tuple(sorted(groups[i] + groups[j]))
        del groups[j]
    return groups


def apart(one: Proposal, other: Proposal, current: Mapping[str, Any]) -> float:
    """How far two proposals are from each other, from 0 to 1: the mean over what they change.

    Args:
        one: a proposal.
        other: another one.
        current: the present values.
    """
    # In one order, whoever is first and in whatever process: sums of floats depend on it.
    names = sorted({*one.values, *other.values}, key=str)
    if not names:
        return 0.0
    gaps = (_gap(_value(one, name, current), _value(other, name, current)) for name in names)
    return sum(gaps) / len(names)


def _value(proposal: Proposal, name: str, current: Mapping[str, Any]) -> Any:
    return proposal.values[name] if name in proposal.values else current.get(name)


def _gap(one: Any, other: Any) -> float:
    if same(one, other):
        return 0.0
    numbers = [v for v in (one, other) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        return _gap_of_numbers(*numbers)
    a, b = sorted((safe_text(one), safe_text(other)))  # difflib's ratio depends on the order
    if max(len(a), len(b)) <= LONG:
        return 1.0 - SequenceMatcher(None, a, b, autojunk=False).ratio()
    words = a.split()[:WORDS], b.split()[:WORDS]
    return 1.0 - SequenceMatcher(None, *words).ratio()


def _gap_of_numbers(one: float, other: float) -> float:
    try:
        gap = abs(one - other) / max(abs(one), abs(other))
    except (OverflowError, ZeroDivisionError):
        return 0.0 if one == other else 1.0
    return min(1.0, gap) if isfinite(gap) else 1.0
