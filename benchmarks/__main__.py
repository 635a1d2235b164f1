"""Our speed against the original, plain Python, and the least that records a graph.

Usage: .venv/bin/python -m benchmarks [--write]

All of it is CPU time in one run, garbage collector on; the sides take turns, and
the numbers are medians. `--write` puts the table into docs/performance.md.
"""

from __future__ import annotations

import sys

from benchmarks.report import PAGE, page, table
from benchmarks.rounds import Result, in_turn, legs

CALLS = ["add", "chain", "bundle_1", "bundle_3", "bundle_trainable", "decoration"]
LINEAR = 2.6  # t(2n)/t(n) of a linear pass, with room for caches


def measure() -> list[Result]:
    """All cases, in the order of the table."""
    sides = legs()
    ours, original, *_ = sides
    try:
        results = []
        for case in CALLS:
            results.append(in_turn(case, sides))
            print(f"  {case} measured", flush=True)
        # The original is quadratic: 1,000 steps take it seconds.
        results.append(in_turn("backward", [ours, original], 1_000, rounds=3))
        results.append(in_turn("backward", [ours, original], 3_000, rounds=1))
        results += [in_turn("backward", [ours], n, rounds=3) for n in (10_000, 50_000, 100_000)]
    finally:
        for leg in sides:
            leg.close()
    return results


def growth(results: list[Result]) -> float:
    """t(2n)/t(n) of our backward pass, n = 50,000."""
    whole = {r.size: r.microseconds["ours"] * r.size for r in results if r.case == "backward"}
    return whole[100_000] / whole[50_000]


def main(*options: str) -> int:
    """Print the table; 1 if the backward pass is not linear."""
    results = measure()
    ratio = growth(results)
    print(table(results))
    print(f"backward, t(2n)/t(n) at n = 50,000: {ratio:.2f} (linear: below {LINEAR})")
    if "--write" in options:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(results, ratio), encoding="utf-8")
        print(f"written: {PAGE}")
    return int(ratio > LINEAR)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
