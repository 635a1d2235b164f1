"""A model that answers TextGrad's questions from what stands in them, and programs to ask about."""

from __future__ import annotations

import re

from opto.llm import DummyLLM
from opto.trace import bundle

ASKED = re.compile(r'(?:<GRADIENT name="|^What is wanted of )(\w+)(?:">|, in plain)', re.MULTILINE)
VARIABLE = re.compile(r"Write a new value for (\w+), of type (\w+)")


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def kind_of(user):
    """Which of the three questions it is."""
    if VARIABLE.search(user):
        return "update"
    return "gradient" if ASKED.search(user) else "merge"


def improved(value):
    return f"Larger is better.\n<IMPROVED_VARIABLE>\n{value}\n</IMPROVED_VARIABLE>"


class Model:
    """Wants everything larger, and gives each variable the next of its values.

    It counts its questions by kind, and notes what they were about.
    """

    def __init__(self, values=(), **wishes):
        self.values = list(values)
        self.wishes = wishes
        self.users = []

    def __call__(self, messages, **_):
        user = messages[-1]["content"]
        self.users.append(user)
        if kind_of(user) == "update":
            return improved(self.values.pop(0) if self.values else 5)
        if kind_of(user) == "merge":
            return "all of it larger"
        return "\n".join(
            f'<GRADIENT name="{name}">\n{self.wishes.get(name, f"make {name} larger")}\n</GRADIENT>'
            for name in ASKED.findall(user)
        )

    @property
    def kinds(self):
        return [kind_of(user) for user in self.users]

    @property
    def asked(self):
        """All values that it was asked about, in order."""
        return [name for user in self.users for name in ASKED.findall(user)]

    def llm(self):
        return DummyLLM(self)
