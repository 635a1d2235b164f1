"""What our imports cost over bare Python, in milliseconds of the machine that set the budgets.

A slower machine is allowed as much more as the import of a module of the standard library
takes there.

Usage: .venv/bin/python tools/measure_import.py [RUNS]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BUDGETS = {
    "from opto.trace import node": 60.0,
    "from opto.optimizers import OptoPrime": 150.0,
}
WITHOUT_BYTECODE = "PYTHONDONTWRITEBYTECODE"
YARDSTICK = "import asyncio"
YARDSTICK_MS = 48.0


def cpu_ms(statement: str) -> float:
    """CPU time, user and system, of a new Python that runs `statement`."""
    # Some machines let Python write no bytecode; what is measured then is its compiler.
    usual = {name: value for name, value in os.environ.items() if name != WITHOUT_BYTECODE}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, env=usual)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def cost_over_bare_python(
    statement: str, runs: int, summary: Callable[[Iterable[float]], float] = median
) -> float:
    """`summary` over `runs` of the statement less that of `pass`, taken in turn."""
    cpu_ms(statement)  # writes the bytecode
    pairs = [(cpu_ms("pass"), cpu_ms(statement)) for _ in range(runs)]
    return summary(own for _, own in pairs) - summary(bare for bare, _ in pairs)


def slowness(runs: int, summary: Callable[[Iterable[float]], float] = median) -> float:
    """How many times slower than the budgets' machine this one is now; at least 1."""
    return max(1.0, cost_over_bare_python(YARDSTICK, runs, summary) / YARDSTICK_MS)


def main(runs: int = 21) -> int:
    """Print a table; 1 if something is over its budget."""
    print(f"CPU time over bare Python {sys.version.split()[0]}, median of {runs} runs")
    worst = 0
    times = slowness(runs)
    for statement, full in BUDGETS.items():
        budget = times * full
        cost = cost_over_bare_python(statement, runs)
        worst |= cost > budget
        print(f"{statement:40}{cost:8.1f} ms   of {budget:.0f}")
    return worst


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
