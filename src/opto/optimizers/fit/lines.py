"""The code of a run of which a part is shown: the steps, and what is said of all others.

A line that begins with three dots is about steps that are left out. Each parameter is
joined to an output by lines that are shown and by lines that say what is between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.run import kind_of_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from opto.optimizers.fit.run import Call, Run
    from opto.optimizers.fit.shapes import Shape
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["Part"]

# Arguments that a line shows; of more, the first, the last, and those that are shown.
ARGUMENTS = 16
# Ranges of names that a line names.
RANGES = 4
OPERATIONS = 6
UNSHOWN_OUTPUT = "an output that is left out"


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a run that is shown.

    Args:
        run: the whole.
        summary: the values.
        calls: the names of the steps that are shown.
        given: the names of the given values that are shown.
        outputs: the names of the outputs that are shown.
    """

    run: Run
    summary: FunctionFeedback
    calls: Collection[str]
    given: Collection[str]
    outputs: Collection[str]

    def lines(self, shapes: list[Shape], most: int) -> list[tuple[int, str]]:
        """All lines of the code with their levels.

        Args:
            shapes: all steps by their shape.
            most: how many shapes have a line of their own for what is left out of them.
        """
        shown = [self.run.calls[name] for name in self.run.calls if name in self.calls]
        lines = [(call.level, self._line(call)) for call in shown]
        lines += self._folds(shapes, most)
        last = max((level for level, _ in lines), default=0) + 1
        return [(-1, self._head()), *lines, *((last, line) for line in self._bridges())]

    def _head(self) -> str:
        whole, given = len(self.run.calls), len(self.summary.inputs)
        return (
            f"... Too long to show whole. Written out: {len(self.calls):,} of {whole:,} steps, "
            f"with {len(self.given):,} of {given:,} given values. A line with ... at its beginning "
            "tells of steps that are left out."
        )

    # -- a step that is shown -----------------------------------------------------------

    def _line(self, call: Call) -> str:
        if not call.op:
            return call.line
        inputs = call.inputs
        if len(inputs) <= ARGUMENTS:
            return f"{call.name} = {call.op}({', '.join(self._argument(i) for i in inputs)})"
        near = [i for i, (_, name) in enumerate(inputs) if name in self.calls][: ARGUMENTS // 2]
        kept = {0, 1, 2, len(inputs) - 2, len(inputs) - 1, *near}
        words = []
        gap: list[str] = []
        for at, pair in enumerate(inputs):
            if at not in kept:
                gap.append(pair[1])
                continue
            if gap:
                words.append(self._gap(gap))
                gap = []
            words.append(self._argument(pair))
        return f"{call.name} = {call.op}({', '.join(words)})"

    def _argument(self, pair: tuple[str, str]) -> str:
        return f"{pair[0]}={self._named(pair[1])}"

    def _gap(self, names: list[str]) -> str:
        variables = [name for name in names if name in self.summary.variables]
        others = [name for name in names if name not in self.summary.variables]
        said = [ranges(variables)] if variables else []
        said += [f"{ranges(others, RANGES)} [left out]"] if others else []
        plural = "s" if len(names) > 1 else ""
        return f"... {len(names):,} argument{plural}: {', '.join(said)} ..."

    def _named(self, name: str) -> str:
        seen = (self.calls, self.given, self.outputs, self.summary.variables)
        return name if any(name in names for names in seen) else f"{name} [left out]"

    # -- steps that are left out --------------------------------------------------------

    def _folds(self, shapes: list[Shape], most: int) -> Iterable[tuple[int, str]]:
        left = [(shape, [c for c in shape.calls if c.name not in self.calls]) for shape in shapes]
        left = sorted((pair for pair in left if pair[1]), key=_most)
        for shape, calls in left[:most]:
            yield calls[0].level, self._fold(shape, calls)
        others = [call for _, calls in left[most:] for call in calls]
        if others:
            kinds = f"{'further ' if most else ''}steps of {len(left[most:]):,} kinds left out"
            line = f"... {len(others):,} {kinds}: {_operations(others)}"
            yield max(call.level for call in others), line

    def _fold(self, shape: Shape, calls: list[Call]) -> str:
        names = ranges((call.name for call in calls), RANGES)
        steps = f"{len(calls):,} step{'s' if len(calls) > 1 else ''}"
        if not calls[0].op:
            return f"... 1 line left out, of {len(calls[0].line):,} characters"
        equal = len({len(call.inputs) for call in calls}) == 1 and len(calls[0].inputs) <= ARGUMENTS
        if not equal:
            kinds = dict.fromkeys(part[1] for part in shape.key[1:] if isinstance(part, tuple))
            return f"... {steps} left out, each {calls[0].op} of {', '.join(kinds)}: {names}"
        pattern = [
            f"{argument}={self._common([call.inputs[at][1] for call in calls])}"
            for at, (argument, _) in enumerate(calls[0].inputs)
        ]
        return f"... {steps} left out, each {calls[0].op}({', '.join(pattern)}): {names}"

    def _common(self, names: list[str]) -> str:
        different = dict.fromkeys(names)
        if len(different) == 1:
            return self._named(names[0])
        if names[0] in self.summary.variables:
            return f"<one of {ranges(different, RANGES)}>"
        return f"<{kind_of_input(names[0], self.run.calls, self.summary)}>"

    # -- the way from parameters to outputs ---------------------------------------------

    def _bridges(self) -> Iterable[str]:
        """What is between things that are shown, on the shortest ways to an output."""
        gaps = _Gaps(self.calls, self.outputs)
        merged: dict[tuple[str, tuple[str, ...]], list[tuple[str, int]]] = {}
        for name, first in self.run.first.items():
            self._bridge(name, first, gaps, merged)
        seen: set[int] = set()
        for start in self.run.first.values():
            call: Call | None = start
            while call is not None and id(call) not in seen:
                seen.add(id(call))
                if call.name in self.calls and call.onward is not None:
                    self._bridge(call.name, call.onward, gaps, merged)
                call = call.onward
        for (target, operations), sources in merged.items():
            counts = sorted({count for _, count in sources})
            number = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "")
            steps = "step" if counts == [1] else "steps"
            names = ranges(name for name, _ in sources)
            yield f"... from {names} to {target}: {number} {steps} left out ({_few(operations)})"

    def _bridge(self, source: str, first: Call, gaps: _Gaps, merged: dict[Any, Any]) -> None:
        if first.name in self.calls:
            return
        count, operations, target = gaps.from_(first)
        merged.setdefault((target or UNSHOWN_OUTPUT, operations), []).append((source, count))


class _Gaps:
    """The steps that are left out between any step and the next that is shown."""

    def __init__(self, shown: Collection[str], outputs: Collection[str]) -> None:
        self._shown, self._outputs = shown, outputs
        self._known: dict[int, tuple[int, tuple[str, ...], str | None]] = {}

    def from_(self, first: Call) -> tuple[int, tuple[str, ...], str | None]:
        """How many, of which operations, and the name of the step after them."""
        way: list[Call] = []
        call: Call | None = first
        while call is not None and call.name not in self._shown and id(call) not in self._known:
            way.append(call)
            call = call.onward
        if call is None:
            last = way[-1].name
            end: tuple[int, tuple[str, ...], str | None]
            end = (0, (), last if last in self._outputs else None)
        elif call.name in self._shown:
            end = (0, (), call.name)
        else:
            end = self._known[id(call)]
        for step in reversed(way):
            count, operations, target = end
            if step.op not in operations and len(operations) <= OPERATIONS:
                operations = tuple(sorted((*operations, step.op)))
            end = self._known[id(step)] = (count + 1, operations, target)
        return end


def _most(pair: tuple[Shape, list[Call]]) -> int:
    return -len(pair[1])


def _operations(calls: Iterable[Call]) -> str:
    return _few(dict.fromkeys(call.op or "other lines" for call in calls))


def _few(operations: Collection[str]) -> str:
    first = ", ".join([*operations][:OPERATIONS])
    return first + (" and others" if len(operations) > OPERATIONS else "")
