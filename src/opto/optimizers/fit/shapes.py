"""Equal steps: one operation, with inputs of the same kinds, over different instances."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opto.optimizers.fit.ranges import ranges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from opto.optimizers.fit.run import Run

__all__ = ["Shape", "ranked", "shapes_of"]

EACH = 10
"""Steps of one shape that are written out at most, unless all are."""

# Examples of a batch whose steps are written out, as feedback on them differs.
EXAMPLES = 4
# Ranges of names that a line names.
RANGES = 4
# Arguments of a step that its shape names one by one.
ARGUMENTS = 16

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Steps that differ in their instances only.

    Args:
        key: the operation, whether it failed, and the kinds of its inputs.
        numbers: the steps in their order.
    """

    key: Key
    numbers: list[int] = field(default_factory=list)

    def words(self, run: Run) -> str:
        """What the steps have in common, and what they are called."""
        first = self.numbers[0]
        if not run.inputs(first):
            return "of which only the lines are known"
        names = ranges(map(run.name, self.numbers), RANGES)
        failed = " that failed" if self.key[1] else ""
        return f"like {run.op(first)}({', '.join(self._arguments(run))}){failed}: {names}"

    def _arguments(self, run: Run) -> list[str]:
        inputs = [run.inputs(number) for number in self.numbers]
        if len({len(given) for given in inputs}) > 1 or len(inputs[0]) > ARGUMENTS:
            return [part[1] for part in self.key[2:] if isinstance(part, tuple)]
        return [
            f"{argument}={_common([given[at][1] for given in inputs], run)}"
            for at, (argument, _) in enumerate(inputs[0])
        ]

    def telling(self, run: Run) -> list[int]:
        """The steps that are written out if there is room, the most telling first.

        These are the nearest to the feedback and to a parameter, the last and the first,
        and some between them.
        """
        found = self.numbers
        last = len(found) - 1
        some = [min(found, key=run.before.__getitem__), min(found, key=run.after.__getitem__)]
        # Powers of two from the end are the same rounds of a loop for all of its operations,
        # though one of them may have another shape in the first round.
        far = 1 << max(0, last.bit_length() - 2)
        places = (
            last,
            0,
            last - far,
            last - 1,
            1,
            last - 3 * far // 2,
            last - far // 2,
            last - 2,
            2,
        )
        some += [found[max(0, min(last, at))] for at in places]
        if len(found) <= EACH:
            some += found
        return list(dict.fromkeys(some))[:EACH]


def shapes_of(run: Run, failed: Collection[str]) -> list[Shape]:
    """All steps of a run by their shape.

    Args:
        run: the steps.
        failed: the names of those that raised.
    """
    found: dict[Key, Shape] = {}
    for number in range(len(run.steps)):
        key = _key(number, run, failed)
        shape = found.get(key)
        if shape is None:
            shape = found[key] = Shape(key)
        shape.numbers.append(number)
    return [*found.values()]


def ranked(
    shapes: list[Shape], run: Run, failed: Collection[str], examples: Sequence[int]
) -> list[int]:
    """The steps that may be written out, the most telling first.

    First come those of examples that something was said about. Then comes one of each shape,
    then a second of each, and so on; among these, those that failed, and then those with the
    shortest way from a parameter to the feedback.
    """
    found = []
    for shape in shapes:
        for rank, number in enumerate(shape.telling(run)):
            far = run.before[number] + run.after[number]
            found.append((rank, run.name(number) not in failed, far, run.before[number], number))
    return list(dict.fromkeys([*_of(examples, run), *(number for *_, number in sorted(found))]))


def _of(examples: Sequence[int], run: Run) -> Iterator[int]:
    """The steps that outputs were made of: of a batch, those of some examples."""
    wanted = {f"args_{example}": at for at, example in enumerate(examples[:EXAMPLES])}
    for end in run.ends if wanted else ():
        made = {wanted[key]: name for key, name in run.inputs(end) if key in wanted}
        yield from (run.at[made[at]] for at in sorted(made) if made[at] in run.at)


def _key(number: int, run: Run, failed: Collection[str]) -> Key:
    step = run.steps[number]
    if step is None:
        return ("",)
    parts: list[object] = [step.op, step.name in failed]
    for argument, name in step.inputs:
        # Any number of arguments of one kind, as of *args, is one shape.
        part = (argument.rstrip("0123456789"), run.kind(name))
        if part != parts[-1]:
            parts.append(part)
    return tuple(parts)


def _common(names: list[str], run: Run) -> str:
    different = dict.fromkeys(names)
    if len(different) == 1:
        return names[0]
    if names[0] in run.variables:
        return f"<one of {ranges(different, RANGES)}>"
    return f"<{run.kind(names[0])}>"
