"""Our speed against the original, TextGrad, torch, the least that records a graph, and Python.

Usage: .venv/bin/python -m benchmarks [--quick] [--write] [CASE ...]

All of it is CPU time in one run, garbage collector on; the sides take turns, and the
numbers are medians. `--quick` takes fewer samples, and only of what needs no environment
of its own; `--write` puts the table into docs/performance.md; cases are named as in
`benchmarks.cases`, all but the backward passes by default in a quick run.
"""

from __future__ import annotations

import argparse
import sys
from time import monotonic

from benchmarks.budgets import budgets
from benchmarks.cases import BACKWARD, CASES
from benchmarks.environments import HERE, legs
from benchmarks.page import PAGE, page, put
from benchmarks.report import table
from benchmarks.rounds import FULL, QUICK, in_turn


def options(given: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="ours, minimal and plain only")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="measure only these")
    asked = parser.parse_args(given)
    if unknown := set(asked.cases) - CASES.keys():
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if asked.write and (asked.quick or asked.cases):
        parser.error("what is written is a whole run: no --quick and no CASE with --write")
    return asked


def main(*given: str) -> int:
    """Print the table; 1 if a budget is missed."""
    asked = options(list(given))
    names = asked.cases or [n for n, c in CASES.items() if not (asked.quick and c in BACKWARD)]
    effort = QUICK if asked.quick else FULL
    began = monotonic()
    sides = legs(HERE if asked.quick else None)
    try:
        results = []
        for name in names:
            if sys.stderr.isatty():
                print(f"\r{name:<20}\r", end="", file=sys.stderr, flush=True)
            results.append(in_turn(CASES[name], sides, effort))
    finally:
        for leg in sides:
            leg.close()
    kept = budgets(results)
    print(table(results, [leg.side for leg in sides]))
    print()
    print("\n".join(map(str, kept)))
    for leg in sides:
        for name, reason in leg.failures.items():
            print(f"{leg.side} could not do {name}: {reason}")
    print(f"{monotonic() - began:.0f} s")
    if asked.write:
        put(tracing=page(results, kept, sides))
        print(f"written: {PAGE}")
    return int(not all(b.reached for b in kept))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
