"""The steps of a run: what each was computed from, and how far it is from where.

Everything here is one pass over the steps, without recursion, and all that is kept of a step
are numbers in lists: a run of a million steps makes no million objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opto.optimizers.summary import FunctionFeedback
    from opto.trace.graph import Step

__all__ = ["FAR", "NOWHERE", "Run"]

FAR = 1 << 60
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Run:
    """The steps of a summary, by numbers in the order in which they are shown.

    Args:
        lines: the level of each, and how it is written.
        steps: what is known of each; None where a line is none that a call was written in.
        at: the number of each, by name.
        variables: the names of what may be changed.
        ends: the numbers of those that feedback was said about.
        before: of each, the steps between it and the nearest of `ends`.
        after: of each, the steps between it and the nearest variable.
        onward: of each, the next on its shortest way to one of `ends`, or `NOWHERE`.
        first: of each variable, the step that its shortest way begins with.
    """

    lines: list[tuple[int, str]]
    steps: list[Step | None]
    at: dict[str, int]
    variables: frozenset[str]
    ends: tuple[int, ...]
    before: list[int]
    after: list[int]
    onward: list[int]
    first: dict[str, int]

    @classmethod
    def of(cls, summary: FunctionFeedback) -> Run:
        """The steps of a summary, with their distances."""
        lines = sorted(summary.graph, key=_level)
        steps = [summary.calls.get(line) for _, line in lines]
        at = {step.name: number for number, step in enumerate(steps) if step is not None}
        variables = frozenset(summary.variables)
        outputs = [at[name] for name in summary.output if name in at]
        # A run that nothing is known to be said about is about what it ends in.
        ends = tuple(outputs or range(len(lines))[-1:])
        first, before, onward = _back(steps, at, variables, ends)
        after = _forth(steps, at, variables)
        return cls(lines, steps, at, variables, ends, before, after, onward, first)

    def name(self, number: int) -> str:
        """What a step is called; nothing where a line is none of ours."""
        step = self.steps[number]
        return "" if step is None else step.name

    def op(self, number: int) -> str:
        """The operation of a step."""
        step = self.steps[number]
        return "other lines" if step is None else str(step.op)

    def inputs(self, number: int) -> tuple[tuple[str, str], ...]:
        """The arguments of a step, and what they were."""
        step = self.steps[number]
        return () if step is None else step.inputs

    def kind(self, name: str) -> str:
        """What an input is, in words that all instances of a repeated step share."""
        number = self.at.get(name)
        if number is not None:
            return f"a result of {self.op(number)}"
        return "a variable" if name in self.variables else "a given value"

    def way(self, number: int) -> list[int]:
        """A step and those after it on its shortest way."""
        found = []
        while number != NOWHERE:
            found.append(number)
            number = self.onward[number]
        return found


def _level(line: tuple[int, str]) -> int:
    return line[0]


def _back(
    steps: list[Step | None], at: dict[str, int], variables: frozenset[str], ends: tuple[int, ...]
) -> tuple[dict[str, int], list[int], list[int]]:
    """From the ends: where each variable's way begins, and of each step how far and what next."""
    first: dict[str, int] = {}
    before, onward = [FAR] * len(steps), [NOWHERE] * len(steps)
    wave = list(ends)
    for number in wave:
        before[number] = 0
    # The list grows while it is read: nearer steps stand before farther ones.
    for number in wave:
        step = steps[number]
        for _, name in () if step is None else step.inputs:
            source = at.get(name)
            if source is None:
                if name in variables:
                    first.setdefault(name, number)
            elif before[source] == FAR:
                before[source], onward[source] = before[number] + 1, number
                wave.append(source)
    return first, before, onward


def _forth(steps: list[Step | None], at: dict[str, int], variables: frozenset[str]) -> list[int]:
    after = [FAR] * len(steps)
    for number, step in enumerate(steps):
        for _, name in () if step is None else step.inputs:
            source = at.get(name)
            near = 0 if name in variables else FAR if source is None else after[source]
            if near < FAR and near + 1 < after[number]:
                after[number] = near + 1
    return after
