"""The table of a run, for a terminal and for docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.rounds import Result

# What is divided by what, in the last columns.
RATIOS = (("original", "ours"), ("torch", "ours"), ("ours", "minimal"))


@dataclass(frozen=True)
class Row:
    """A line of the table: words, and a figure for each side that has one.

    Attributes:
        words: what was measured.
        values: microseconds or bytes by side; of a ratio row, plain numbers.
        ratio: whether the figures are ratios themselves, which are not divided again.
    """

    words: str
    values: Mapping[str, float]
    ratio: bool = False


def rows(results: Sequence[Result]) -> list[Row]:
    """The measured rows, and beside them those that follow from two of them."""
    by_name = {r.case.name: r.values for r in results}
    lines = []
    for result in results:
        lines.append(Row(result.case.words, result.values))
        name = result.case.name
        if name == "awaited" and "plain" in result.values:
            plain = result.values["plain"]
            over = {s: v - plain for s, v in result.values.items() if s != "plain"}
            lines.append(Row("* over a plain await", over))
        fixed = by_name.get(name.replace("trainable_", "fixed_"))
        if name.startswith("trainable_") and fixed:
            times = {s: v / fixed[s] for s, v in result.values.items() if s in fixed}
            lines.append(Row("* trainable / not", times, ratio=True))
    return lines


def table(results: Sequence[Result], sides: Sequence[str]) -> str:
    """What each side takes, and how many times one goes into another."""
    ratios = [pair for pair in RATIOS if set(pair) <= set(sides)]
    head = ["CPU us", *sides, *(f"{a} / {b}" for a, b in ratios)]
    cells = [head]
    for row in rows(results):
        values = [number(row.values.get(side), row.ratio) for side in sides]
        cells.append(
            [
                row.words,
                *values,
                *("" if row.ratio else times(row.values, over, under) for over, under in ratios),
            ]
        )
    width = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(map(str.ljust, line, width)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines)


def number(value: float | None, ratio: bool = False) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    if ratio:
        return f"{value:.2f}x"
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def times(values: Mapping[str, float], over: str, under: str) -> str:
    """How many times `under` goes into `over`; empty where one was not measured."""
    if not (values.get(over) and values.get(under)):
        return ""
    return number(values[over] / values[under])
