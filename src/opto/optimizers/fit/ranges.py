"""Many names in few words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ranges"]

_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]*)", re.DOTALL)


def ranges(names: Iterable[str], most: int | None = None) -> str:
    """Names in which those with numbers that follow one another are one range.

    Args:
        names: in their order.
        most: how many ranges are named before the others are only counted; None for all.

    Example:
        >>> ranges(["add0", "add1", "add2", "x0", "add7"])
        'add0 to add2, x0, add7'
        >>> ranges(["a0", "b0", "c0"], most=2)
        'a0, b0 and 1 other'
    """
    runs: list[list[str]] = []
    sizes: list[int] = []
    before: tuple[str, int] | None = None
    rest = iter(names)
    left = 0
    for name in rest:
        here = _numbered(name)
        if here and before and here == (before[0], before[1] + 1):
            runs[-1] = [runs[-1][0], name]
            sizes[-1] += 1
        elif len(runs) == most:
            left = 1 + sum(1 for _ in rest)
        else:
            runs.append([name])
            sizes.append(1)
        before = here
    words = [
        " to ".join(run) if size > 2 else ", ".join(run)
        for run, size in zip(runs, sizes, strict=True)
    ]
    more = f" and {left:,} other{'s' if left > 1 else ''}" if left else ""
    return ", ".join(words) + more


def _numbered(name: str) -> tuple[str, int] | None:
    found = _NUMBERED.fullmatch(name)
    # Of longer numbers Python would refuse to make an int, or take long.
    return (found[1], int(found[2])) if found and len(found[2]) < 19 else None
