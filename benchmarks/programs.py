"""Small programs with feedback, for our tracer and the original's: SPEC 12, and the README's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.trace import bundle, model, node

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Run:
    """What ran: the parameters, the output, and what is said of it."""

    parameters: list[Any]
    output: Any
    feedback: str


@bundle()
def scale(v, k=2):
    """Multiply by k"""  # noqa: D415 - SPEC has it like this
    return v * k


def golden() -> Run:
    """SPEC 12 A.1."""
    x, b = node(3, name="x", trainable=True), node(1, name="b")
    z = scale(x) + b
    return Run([x], z * x, "make it larger")


# What SPEC 12 A.1 wants to stand in a prompt about that.
FACTS = (
    "scale0 = scale(v=x0, k=k0)",
    "add0 = add(x=scale0, y=b0)",
    "multiply0 = multiply(x=add0, y=x0)",
    "[scale] Multiply by k",
    "(int) x0=3",
    "(int) k0=2",
    "(int) b0=1",
    "(int) scale0=6",
    "(int) add0=7",
    "(int) multiply0=21",
    "make it larger",
)


def division() -> Run:
    """A program is a graph."""
    x, y = node(1, name="x", trainable=True), node(3, name="y")
    return Run([x], x / y, "the result should be larger")


def sorting() -> Run:
    """Repair a function, whose documentation is a little shorter here."""

    @bundle(trainable=True)
    def strange_sort_list(lst):
        """Return the numbers of lst in strange order: the smallest, then the largest, and so on."""
        return sorted(lst)

    given, expected = [1, 2, 3, 4], [1, 4, 2, 3]
    output = strange_sort_list(given)
    said = f"for {given} expected {expected}, got {output.data}"
    return Run(strange_sort_list.parameters(), output, said)


def agent() -> Run:
    """Train an agent."""

    @model
    class SalesAgent:
        def __init__(self, system_prompt):
            self.system_prompt = node(system_prompt, name="system_prompt", trainable=True)

        def __call__(self, user_query):
            return self.greet(self.system_prompt, user_query)

        @bundle(trainable=True)
        def greet(self, system_prompt, user_query):
            """Greet the customer in the language of the query."""
            return f"{system_prompt}: Hello! You asked: {user_query}"

    desk = SalesAgent("Sales desk")
    greeting = desk("Hola, ¿venden pan?")
    return Run(desk.parameters(), greeting, "The customer wrote Spanish; greet in Spanish.")


def prompting() -> Run:
    """Which optimizer."""
    prompt = node("Answer.", name="prompt", trainable=True)
    return Run([prompt], prompt + " Why is the sky blue?", "The answer is too long.")


PROGRAMS: dict[str, tuple[str, Callable[[], Run]]] = {
    "golden": ("SPEC 12 A.1", golden),
    "division": ("README, a division", division),
    "sorting": ("README, a function to repair", sorting),
    "agent": ("README, an agent", agent),
    "prompting": ("README, a prompt", prompting),
}
