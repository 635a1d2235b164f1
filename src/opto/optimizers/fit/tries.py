"""Earlier rounds in as much room as a prompt leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opto.optimizers.fit.budget import Budget
    from opto.optimizers.memory import Episode

__all__ = ["remembered"]


def remembered(
    rounds: Sequence[Episode], write: Callable[[Sequence[Episode]], str], budget: Budget, room: int
) -> list[Episode]:
    """The latest rounds that have at most so many tokens, the oldest first.

    A round is shown whole or not at all: half a value is worse than none where a model shall
    compare values.

    Args:
        rounds: all rounds, the oldest first.
        write: the text of some rounds.
        budget: counts.
        room: tokens.
    """
    kept: list[Episode] = []
    for episode in reversed(rounds):
        room -= budget.count(write([episode]), room)
        if room < 0:
            break
        kept.append(episode)
    return kept[::-1]
