"""What is between things that are shown, on the shortest ways from parameters to outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.run import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from opto.optimizers.fit.run import Run

__all__ = ["few", "gaps"]

OPERATIONS = 6
# How many steps are left out, of which operations, and the step after them.
Gap = tuple[int, tuple[str, ...], int]


def gaps(run: Run, shown: Collection[int]) -> Iterator[str]:
    """A line for each gap in the ways, so that following the lines leads to an output.

    Args:
        run: the steps.
        shown: the numbers of those that are written out.
    """
    known: dict[int, Gap] = {}
    merged: dict[tuple[int, tuple[str, ...]], list[tuple[str, int]]] = {}
    for source, first in _breaks(run, shown):
        count, operations, target = _gap(run, shown, first, known)
        merged.setdefault((target, operations), []).append((source, count))
    for (target, operations), sources in merged.items():
        counts = sorted({count for _, count in sources})
        number = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "")
        steps = "step" if counts == [1] else "steps"
        names = ranges(name for name, _ in sources)
        between = f"{number} {steps} left out ({few(operations)})" if counts[-1] else "in one step"
        yield f"... from {names} to {run.name(target)}: {between}"


def few(operations: Sequence[str]) -> str:
    """The first of some operations."""
    first = ", ".join(operations[:OPERATIONS])
    return first + (" and others" if len(operations) > OPERATIONS else "")


def _breaks(run: Run, shown: Collection[int]) -> Iterator[tuple[str, int]]:
    """What is shown and has on its way a step that is not, and that step."""
    seen: set[int] = set()
    for name, first in run.first.items():
        if first not in shown:
            yield name, first
        number = first
        while number != NOWHERE and number not in seen:
            seen.add(number)
            onward = run.onward[number]
            if number in shown and onward != NOWHERE and onward not in shown:
                yield run.name(number), onward
            number = onward


def _gap(run: Run, shown: Collection[int], first: int, known: dict[int, Gap]) -> Gap:
    """The steps that are left out from one of them on to the next that is shown."""
    way: list[int] = []
    number = first
    while number not in shown and number not in known and run.onward[number] != NOWHERE:
        way.append(number)
        number = run.onward[number]
    # An output is named even where it is not written out.
    gap: Gap = known.get(number, (0, (), number))
    for step in reversed(way):
        count, operations, target = gap
        if run.op(step) not in operations and len(operations) <= OPERATIONS:
            operations = tuple(sorted((*operations, run.op(step))))
        gap = known[step] = (count + 1, operations, target)
    return gap
