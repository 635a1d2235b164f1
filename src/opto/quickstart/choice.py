"""Choose an option: the feedback describes the right one without naming it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opto.quickstart.job import Job, Verdict
from opto.trace import bundle, node
from opto.trace.projections import Choices

if TYPE_CHECKING:
    from random import Random

__all__ = ["CHOICE", "Painting"]

HINTS = {
    "green": "fresh grass",
    "blue": "a clear sky at noon",
    "yellow": "a ripe lemon",
    "white": "fresh snow",
    "red": "a ripe tomato",
}


@bundle()
def paint(colour: str) -> str:
    """Paint the door in a colour."""
    return f"a {colour} door"


class Painting:
    """Which colour should the door have?

    Args:
        start: the colour at first.
        wanted: the right colour; the model is only told what else looks like it.
    """

    def __init__(self, start: str, wanted: str) -> None:
        self.colour = node(
            start,
            name="colour",
            trainable=True,
            constraint=f"one of: {', '.join(HINTS)}",
            projections=[Choices(*HINTS)],
        )
        self.parameters = [self.colour]
        self.wanted = wanted

    def run(self) -> Verdict:
        """Paint the door."""
        output = paint(self.colour)
        solved = self.colour.data == self.wanted
        return Verdict(
            output,
            "Beautiful." if solved else f"The door should have the colour of {HINTS[self.wanted]}.",
            score=float(solved),
            solved=solved,
            words=str(output.data),
        )

    def listing(self) -> str:
        """The program."""
        return f"colour = {self.colour.data!r}  # {self.colour.constraint}\npaint(colour)"

    def held_out(self) -> None:
        """There are no further cases."""


def _drawn(random: Random) -> Painting:
    return Painting(*random.sample(list(HINTS), 2))


CHOICE = Job("choice", "Choose an option from a hint", _drawn, steps=6, drafts=1, memory=6)
