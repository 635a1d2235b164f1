"""What a job is: a small program with something wrong in it, and somebody who judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from opto.trace import Node

__all__ = ["Job", "Task", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One run of the program, judged.

    Args:
        output: the node that the program returned; feedback is sent back from it.
        feedback: what is said about it.
        score: how good it is; more is better.
        solved: whether nothing is left to wish for.
        words: the outcome for a person who watches.
    """

    output: Node[Any]
    feedback: str
    score: float
    solved: bool
    words: str


class Task(Protocol):
    """One instance of a job: the program, and its judge."""

    parameters: list[Any]

    def run(self) -> Verdict:
        """Run the program as it is now, and judge the result."""

    def listing(self) -> str:
        """The program as it is now, as Python."""

    def held_out(self) -> tuple[int, int] | None:
        """How many of the cases that nobody spoke about come out right; None if there are none."""


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of task, and how long an optimizer may work on it.

    Args:
        name: what ``--job`` calls it.
        title: what it shows, in a few words.
        make: an instance; the random numbers choose where it starts and what is wanted.
        steps: how many steps there are at most.
        drafts: how many answers each step asks for; the best by score is taken.
        memory: how many earlier rounds the model sees.
        afresh: every other step, the first one included, hides the present values. A small
            model repeats wrong code that it is shown, and writes from the documentation
            what it would not have mended; half-right code it mends.
        temperature: how far apart the drafts of a step are; None for OptoPrime's default.
    """

    name: str
    title: str
    make: Callable[[Random], Task]
    steps: int
    drafts: int
    memory: int
    afresh: bool = False
    temperature: tuple[float, float] | None = None
