"""What the figures have to be, as ratios in one run (issue 3, DESIGN section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.cases import LENGTHS, OPERATORS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.rounds import Result

    Found = Mapping[str, Mapping[str, float]]

LINEAR = 2.6  # t(2n)/t(n) of a linear pass, with room for caches
HALF, WHOLE = 50_000, 100_000

# How many times the `x + y` of the minimal tracer, which takes about 0.4 us where the
# budgets were set in microseconds.
TIMES_ADD = {
    "bundle_1": (4.5, "bundle, 1 argument"),
    "bundle_3": (5.5, "bundle, 3 arguments"),
    "method": (6.25, "method of a traced class"),
    "decoration": (250.0, "decoration"),
    "awaited": (6.25, "async bundle, over a plain await"),
}


@dataclass(frozen=True)
class Budget:
    """One figure that was promised.

    Attributes:
        words: of what it is.
        found: what it came to.
        limit: what it may be at most.
        unit: what it is counted in.
    """

    words: str
    found: float
    limit: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the promise is kept."""
        return self.found <= self.limit

    def __str__(self) -> str:
        word = "reached" if self.reached else "MISSED "
        found = f"{self.found:,.2f}" if self.found < 100 else f"{self.found:,.0f}"
        return f"{word}  {found:>6} <= {self.limit:<4g} {self.unit:<16} {self.words}"


def budgets(results: Sequence[Result]) -> list[Budget]:
    """The budgets of which this run has the figures."""
    found = {r.case.name: r.values for r in results}
    return [b for kind in (operators, calls, trainable, growth) for b in kind(found)]


def operators(found: Found) -> Iterator[Budget]:
    """At most twice the near-limit, and faster than a tracer in C++."""
    for case in OPERATORS:
        values = found.get(case.name, {})
        for other, limit in (("minimal", 2.0), ("torch", 1.0)):
            if {"ours", other} <= values.keys():
                yield Budget(case.words, values["ours"] / values[other], limit, f"x {other}")


def calls(found: Found) -> Iterator[Budget]:
    """Bundles, measured by the minimal tracer's addition."""
    least = found.get("add", {}).get("minimal")
    for name, (limit, words) in TIMES_ADD.items():
        took = found.get(name, {})
        if "ours" in took and least:
            plain = took["plain"] if name == "awaited" else 0.0
            yield Budget(words, (took["ours"] - plain) / least, limit, "x minimal x + y")


def trainable(found: Found) -> Iterator[Budget]:
    """Code that was rewritten costs little more than code that never is."""
    for lines in LENGTHS:
        learned, fixed = (found.get(f"{kind}_{lines}", {}) for kind in ("trainable", "fixed"))
        if "ours" in learned and "ours" in fixed:
            ratio = learned["ours"] / fixed["ours"]
            yield Budget(f"trainable, lines of code: {lines:,}", ratio, 1.5, "x untrained")


def growth(found: Found) -> Iterator[Budget]:
    """What a large graph costs."""
    if "ours" in found.get("memory", {}):
        yield Budget("memory of an operation", found["memory"]["ours"], 250.0, "bytes")
    for shape in SHAPES:
        half, whole = (found.get(f"{shape}_{n}", {}).get("ours") for n in (HALF, WHOLE))
        if half and whole:
            yield Budget(f"backward, {shape}", whole * WHOLE / half / HALF, LINEAR, "t(2n)/t(n)")
