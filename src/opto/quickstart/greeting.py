"""Change a text: the greeting shall be in Spanish."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opto.quickstart.job import Job, Verdict
from opto.trace import bundle, node

if TYPE_CHECKING:
    from random import Random

__all__ = ["GREETING", "Greeting"]

ENGLISH = ("Hello", "Good morning", "Good evening", "Welcome", "Nice to meet you")
GREETS = re.compile(
    r"\b(?:hola|buen[oa]s (?:d[ií]as|tardes|noches)|bienvenid[oa]s?|mucho gusto|encantad[oa]"
    r"|un placer|qu[eé] tal|saludos)\b",
    re.IGNORECASE,
)
STILL_ENGLISH = re.compile(
    r"\b(?:hello|good|morning|evening|welcome|nice|meet|you)\b", re.IGNORECASE
)


@bundle()
def greet(greeting: str, name: str) -> str:
    """Greet somebody by name."""
    return f"{greeting}, {name}!"


class Greeting:
    """A greeting for a Spanish guest.

    Args:
        start: the English greeting.
        guest: who is greeted.
    """

    def __init__(self, start: str, guest: str) -> None:
        self.greeting = node(start, name="greeting", trainable=True)
        self.guest = node(guest, name="guest")
        self.parameters = [self.greeting]

    def run(self) -> Verdict:
        """Greet the guest."""
        output = greet(self.greeting, self.guest)
        said = str(self.greeting.data)
        solved = GREETS.search(said) is not None and STILL_ENGLISH.search(said) is None
        return Verdict(
            output,
            "Perfect." if solved else "The greeting should be in Spanish.",
            score=float(solved),
            solved=solved,
            words=str(output.data),
        )

    def listing(self) -> str:
        """The program."""
        return f"greeting = {self.greeting.data!r}\ngreet(greeting, {self.guest.data!r})"

    def held_out(self) -> None:
        """There are no further cases."""


def _drawn(random: Random) -> Greeting:
    return Greeting(random.choice(ENGLISH), random.choice(["Ana", "Luis", "Carmen"]))


GREETING = Job("greeting", "Make the greeting Spanish", _drawn, steps=6, drafts=1, memory=6)
