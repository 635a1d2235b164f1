"""Tune a number: all that is said is whether the result should be larger or smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opto.quickstart.job import Job, Verdict
from opto.trace import bundle, node

if TYPE_CHECKING:
    from random import Random

__all__ = ["NUMBER", "Seating"]

SEATS_AT_A_TABLE = 6


@bundle()
def seats(tables: int) -> int:
    """Count the seats in a room with that many tables."""
    return tables * SEATS_AT_A_TABLE


class Seating:
    """How many tables give the wanted number of seats?

    Args:
        start: the tables at first.
        wanted: the tables that would be right; the model is never told.
    """

    def __init__(self, start: int, wanted: int) -> None:
        self.tables = node(start, name="tables", trainable=True)
        self.parameters = [self.tables]
        self.wanted = wanted * SEATS_AT_A_TABLE

    def run(self) -> Verdict:
        """Count the seats."""
        output = seats(self.tables)
        missing = self.wanted - output.data
        word = "larger" if missing > 0 else "smaller"
        return Verdict(
            output,
            f"The number of seats should be {word}." if missing else "The number is right.",
            score=-abs(missing),
            solved=missing == 0,
            words=f"{output.data} seats, wanted {self.wanted}",
        )

    def listing(self) -> str:
        """The program."""
        return f"tables = {self.tables.data}\nseats(tables)"

    def held_out(self) -> None:
        """There are no further cases."""


def _drawn(random: Random) -> Seating:
    start, wanted = random.sample(range(1, 31), 2)
    return Seating(start, wanted)


NUMBER = Job(
    "number", "Tune a number by 'larger' and 'smaller'", _drawn, steps=10, drafts=4, memory=10
)
