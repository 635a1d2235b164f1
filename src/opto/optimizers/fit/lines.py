"""The code of a run of which a part is shown: the steps, and what is said of all others.

A line that begins with three dots is about steps that are left out. Each parameter is
joined to an output by lines that are shown and by lines that say what is between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opto.optimizers.fit.gaps import few, gaps
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.shapes import ARGUMENTS, RANGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from opto.optimizers.fit.run import Run
    from opto.optimizers.fit.shapes import Shape

__all__ = ["Part"]

# A line of its own for so many shapes of which steps are left out, at most.
FOLDS = 40


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a run that is shown.

    Args:
        run: the whole.
        steps: the numbers of the steps that are written out.
        given: the names of the given values that are shown.
        outputs: the names of the outputs that are shown.
    """

    run: Run
    steps: Collection[int]
    given: Collection[str]
    outputs: Collection[str]

    def lines(self, shapes: list[Shape], words: list[str], given: int) -> list[tuple[int, str]]:
        """All lines of the code with their levels.

        Args:
            shapes: all steps by their shape.
            words: what the steps of each have in common.
            given: how many given values the run has.
        """
        shown = sorted(self.steps)
        lines = [(self.run.lines[number][0], self._line(number)) for number in shown]
        lines += self._folds(shapes, words)
        last = max((level for level, _ in lines), default=0) + 1
        bridges = gaps(self.run, self.steps)
        return [(-1, self._head(given)), *lines, *((last, line) for line in bridges)]

    def _head(self, given: int) -> str:
        return (
            f"... Too long to show whole. Written out: {len(self.steps):,} of "
            f"{len(self.run.lines):,} steps, with {len(self.given):,} of {given:,} given values. "
            "A line with ... at its beginning tells of steps that are left out."
        )

    # -- a step that is written out -----------------------------------------------------

    def _line(self, number: int) -> str:
        inputs = self.run.inputs(number)
        if not inputs:
            return self.run.lines[number][1]
        call = f"{self.run.name(number)} = {self.run.op(number)}"
        if len(inputs) <= ARGUMENTS:
            return f"{call}({', '.join(map(self._argument, inputs))})"
        kept = {0, 1, 2, len(inputs) - 2, len(inputs) - 1}
        near = (at for at, (_, name) in enumerate(inputs) if self.run.at.get(name) in self.steps)
        kept |= {at for _, at in zip(range(ARGUMENTS // 2), near, strict=False)}
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
        return f"{call}({', '.join(words)})"

    def _argument(self, pair: tuple[str, str]) -> str:
        return f"{pair[0]}={pair[1]}{'' if self._is_seen(pair[1]) else ' [left out]'}"

    def _gap(self, names: list[str]) -> str:
        seen = [name for name in names if self._is_seen(name)]
        others = [name for name in names if not self._is_seen(name)]
        said = [ranges(seen)] if seen else []
        said += [f"left out: {ranges(others, RANGES)}"] if others else []
        plural = "s" if len(names) > 1 else ""
        return f"... {len(names):,} argument{plural}: {'; '.join(said)} ..."

    def _is_seen(self, name: str) -> bool:
        number = self.run.at.get(name)
        if number is not None:
            return number in self.steps or name in self.outputs
        return name in self.given or name in self.run.variables

    # -- steps that are left out --------------------------------------------------------

    def _folds(self, shapes: list[Shape], words: list[str]) -> Iterator[tuple[int, str]]:
        """What is left out of each shape: a line for the largest, one for all others."""
        out = [sum(n not in self.steps for n in shape.numbers) for shape in shapes]
        left = sorted((at for at, count in enumerate(out) if count), key=lambda at: -out[at])
        most = min(FOLDS, len(self.steps))
        for at in left[:most]:
            shape = shapes[at]
            level = self.run.lines[shape.numbers[0]][0]
            total = len(shape.numbers)
            written = f"; {total - out[at]:,} written out" if total > out[at] else ""
            plural = "s" if total > 1 else ""
            yield level, f"... {total:,} step{plural} {words[at]}{written}"
        if left[most:]:
            count = sum(out[at] for at in left[most:])
            operations = dict.fromkeys(self.run.op(shapes[at].numbers[0]) for at in left[most:])
            more = "further " if most else ""
            yield 1, f"... {count:,} {more}steps left out: {few([*operations])}"
