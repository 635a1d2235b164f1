"""Four small programs with something wrong, written once for our tracer and the original's.

They are those of the quickstart, without what the original has not: no projections, no score,
no masks. Each says what is wrong with its output, and an optimizer may ask a few questions.
"""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from opto.trace import bundle, node
from opto.trace.errors import ExecutionError
from opto.trace.nodes import ExceptionNode

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SECONDS = 1.0  # of one run of code that a model wrote


@dataclass(frozen=True)
class Judged:
    """A run of a program: its output, what is said of it, and whether nothing is left to say."""

    output: Any
    feedback: str
    solved: bool


class Task(Protocol):
    """An instance of a job."""

    parameters: list[Any]

    def judged(self) -> Judged: ...


@dataclass(frozen=True)
class Job:
    """A kind of task.

    Attributes:
        words: what the table calls it.
        make: an instance; the random numbers choose where it starts and what is wanted.
        calls: how many questions may be asked at most, second tries included.
        tokens: the longest answer.
    """

    words: str
    make: Callable[[Random], Task]
    calls: int
    tokens: int


@bundle()
def seats(tables):
    """Count the seats in a room with that many tables."""
    return tables * 6


class Seating:
    """How many tables give the wanted number of seats?"""

    def __init__(self, random: Random) -> None:
        start, self.wanted = random.sample(range(1, 31), 2)
        self.tables = node(start, name="tables", trainable=True)
        self.parameters = [self.tables]

    def judged(self) -> Judged:
        output = seats(self.tables)
        missing = self.wanted - self.tables.data
        word = "larger" if missing > 0 else "smaller"
        return Judged(output, f"The number of seats should be {word}.", not missing)


HINTS = {
    "green": "fresh grass",
    "blue": "a clear sky at noon",
    "yellow": "a ripe lemon",
    "white": "fresh snow",
    "red": "a ripe tomato",
}


@bundle()
def paint(colour):
    """Paint the door in a colour."""
    return f"a {colour} door"


class Painting:
    """Which of the colours is the one that the feedback tells of without naming it?"""

    def __init__(self, random: Random) -> None:
        start, self.wanted = random.sample(list(HINTS), 2)
        listed = f"one of: {', '.join(HINTS)}"
        self.colour = node(start, name="colour", trainable=True, constraint=listed)
        self.parameters = [self.colour]

    def judged(self) -> Judged:
        said = f"The door should have the colour of {HINTS[self.wanted]}."
        return Judged(paint(self.colour), said, self.colour.data == self.wanted)


ENGLISH = ("Hello", "Good morning", "Good evening", "Welcome", "Nice to meet you")
GUESTS = ("Ana", "Luis", "Carmen")
GREETS = re.compile(
    r"\b(?:hola|buen[oa]s (?:d[ií]as|tardes|noches)|bienvenid[oa]s?|mucho gusto|encantad[oa]"
    r"|un placer|qu[eé] tal|saludos)\b",
    re.IGNORECASE,
)
STILL_ENGLISH = re.compile(
    r"\b(?:hello|good|morning|evening|welcome|nice|meet|you)\b", re.IGNORECASE
)


@bundle()
def greet(greeting, name):
    """Greet somebody by name."""
    return f"{greeting}, {name}!"


class Greeting:
    """The greeting is English, and the guest is not."""

    def __init__(self, random: Random) -> None:
        self.greeting = node(random.choice(ENGLISH), name="greeting", trainable=True)
        self.guest = node(random.choice(GUESTS), name="guest")
        self.parameters = [self.greeting]

    def judged(self) -> Judged:
        said = str(self.greeting.data)
        solved = GREETS.search(said) is not None and STILL_ENGLISH.search(said) is None
        output = greet(self.greeting, self.guest)
        return Judged(output, "The greeting should be in Spanish.", solved)


CASES = (
    ([1, 2, 3, 4], [1, 4, 2, 3]),
    ([4, 1, 3, 2, 6, 5], [1, 6, 2, 5, 3, 4]),
    ([3, 1, 2], [1, 3, 2]),
    ([5, 6, 7, 8, 9], [5, 9, 6, 8, 7]),
)


class Sorting:
    """The documentation of the function is right, and its body is wrong."""

    def __init__(self, random: Random) -> None:
        @bundle(trainable=True)
        def strange_sort_list(lst):
            """Return a new list with the numbers of lst in strange order.

            Strange order begins with the minimum, goes on with the maximum of the remaining
            numbers, then the minimum of the remaining numbers, and so on, in turns.
            """
            return sorted(lst)

        self.sort = strange_sort_list
        self.cases = random.sample(CASES, len(CASES))
        self.parameters = [self.sort.parameter]

    def judged(self) -> Judged:
        """Try the cases up to the first that fails."""
        for given, expected in self.cases:
            output = self._run(given)
            if isinstance(output, ExceptionNode):
                got = f"raised {output.data}"
            elif output.data != expected:
                got = f"returned {output.data}"
            else:
                continue
            return Judged(output, f"strange_sort_list({given}) must be {expected}. It {got}", False)
        return Judged(output, "", True)

    def _run(self, given: list[int]) -> Any:
        try:
            with limit(SECONDS):
                return self.sort(list(given))
        except ExecutionError as error:
            return error.exception_node


@contextmanager
def limit(seconds: float):
    """Raise TimeoutError in the block once the time has passed; in a main thread, on Unix."""

    def late(*_):
        raise TimeoutError(f"it ran for more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


JOBS = {
    "number": Job("tune a number by 'larger' and 'smaller'", Seating, calls=8, tokens=300),
    "choice": Job("choose one of five colours from a hint", Painting, calls=5, tokens=300),
    "greeting": Job("make a greeting Spanish", Greeting, calls=5, tokens=300),
    "repair": Job("repair a function from failing cases", Sorting, calls=3, tokens=500),
}
