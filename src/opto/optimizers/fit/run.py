"""A summary's lines as steps: what each was computed from, and how far it is from where.

Lines are read, and not the graph, so that what a user's own `summarize` wrote counts.
Everything here is one pass over the steps, without recursion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["FAR", "Call", "Run", "kind_of_input"]

FAR = 1 << 60


@dataclass(slots=True)
class Call:
    """One line of a run.

    Args:
        name: its result.
        op: the operation; empty where the line is none of ours.
        inputs: pairs of argument and name.
        level: how deep it stands.
        line: how it is written.
        feedback: steps between it and the nearest output.
        parameter: steps between it and the nearest parameter.
        onward: the step that its shortest way to an output goes through next.
    """

    name: str
    op: str
    inputs: list[tuple[str, str]]
    level: int
    line: str
    feedback: int = FAR
    parameter: int = FAR
    onward: Call | None = None

    @classmethod
    def read(cls, level: int, line: str) -> Call:
        """The step that a line such as ``add0 = add(x=a0, y=b0)`` tells of."""
        name, equals, rest = line.partition(" = ")
        op, opening, inside = rest.partition("(")
        pieces = [piece.partition("=") for piece in inside[:-1].split(", ") if piece]
        if not equals or not opening or inside[-1:] != ")" or not all(p[1] for p in pieces):
            return cls(line, "", [], level, line)
        return cls(name, op, [(key, value) for key, _, value in pieces], level, line)


@dataclass(frozen=True, slots=True)
class Run:
    """All steps of a summary.

    Args:
        calls: by name, in the order in which they are shown.
        first: for each variable, the step that its shortest way to an output begins with.
        outputs: the names that feedback was said about.
    """

    calls: dict[str, Call]
    first: dict[str, Call]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, summary: FunctionFeedback) -> Run:
        """The steps of a summary, with their distances."""
        calls: dict[str, Call] = {}
        for level, line in sorted(summary.graph, key=_level):
            call = Call.read(level, line)
            calls[call.name if call.name not in calls else line] = call
        outputs = [name for name in summary.output if name in calls]
        # A run that nothing is known to be said about is about what it ends in.
        ends = outputs or [*calls][-1:]
        first = _towards(calls, ends, summary)
        _from_parameters(calls, summary)
        return cls(calls, first, tuple(ends))


def _level(line: tuple[int, str]) -> int:
    return line[0]


def _towards(calls: dict[str, Call], ends: list[str], summary: FunctionFeedback) -> dict[str, Call]:
    """Set the distance to feedback, output first; the first step from each variable."""
    first: dict[str, Call] = {}
    wave = [calls[name] for name in ends]
    for call in wave:
        call.feedback = 0
    while wave:
        further = []
        for call in wave:
            for _, name in call.inputs:
                source = calls.get(name)
                if source is None:
                    if name in summary.variables:
                        first.setdefault(name, call)
                elif source.feedback == FAR:
                    source.feedback, source.onward = call.feedback + 1, call
                    further.append(source)
        wave = further
    return first


def _from_parameters(calls: dict[str, Call], summary: FunctionFeedback) -> None:
    for call in calls.values():
        for _, name in call.inputs:
            source = calls.get(name)
            near = 0 if name in summary.variables else FAR if source is None else source.parameter
            if near < FAR and near + 1 < call.parameter:
                call.parameter = near + 1


def kind_of_input(name: str, calls: dict[str, Call], summary: FunctionFeedback) -> str:
    """What an input is, in words that all instances of a repeated step share."""
    source = calls.get(name)
    if source is not None:
        return f"a result of {source.op}" if source.op else "a result"
    return "a variable" if name in summary.variables else "a given value"
