"""The table of a run, for a terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.rounds import ORIGINAL, ROOT, Result
from opto import __version__

PAGE = ROOT / "docs" / "performance.md"
LEGS = ["ours", "original", "plain", "minimal"]
WORDS = {
    "add": "`x + y`",
    "chain": "`z = z + 1`",
    "bundle_1": "a bundle call, 1 argument",
    "bundle_3": "a bundle call, 3 arguments",
    "bundle_trainable": "a trainable bundle call",
    "decoration": "`@bundle()`",
    "backward": "`backward`, a step of a chain of",
}


def table(results: list[Result]) -> str:
    """Microseconds by leg, and how many times ours the original and the minimal are."""
    head = ["CPU us", *LEGS, "original / ours", "ours / minimal"]
    rows = [head, *map(row, results)]
    width = [max(len(r[i]) for r in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(map(str.ljust, r, width)) + " |" for r in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines)


def row(result: Result) -> list[str]:
    """One line of the table, as text."""
    words = WORDS[result.case] + (f" {result.size:,}" if result.size else "")
    took = [result.microseconds.get(leg) for leg in LEGS]
    ours, original, _, minimal = took
    return [words, *map(number, took), ratio(original, ours), ratio(ours, minimal)]


def number(value: float | None) -> str:
    """Three digits that mean something."""
    return "" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def ratio(over: float | None, under: float | None) -> str:
    """How many times `under` goes into `over`; empty where one was not measured."""
    return f"{over / under:,.1f}" if over and under else ""


def processor() -> str:
    """What the machine calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def page(results: list[Result], growth: float) -> str:
    """The document."""
    return f"""# Performance

Written by `make bench ARGS=--write`; do not edit by hand.

{table(results)}

The backward pass is linear: twice the steps take {growth:.2f} times as long (n = 50,000).

* *original* is {ORIGINAL}, in an environment of its own; *plain* is Python without
  tracing; *minimal* is a tracer of 30 lines (`benchmarks/minimal.py`) that keeps a value,
  the operation and the parents, and nothing else.
* CPU time for each step, medians of samples that alternate between the sides, garbage
  collector on, all in one run. An empty cell was not measured: the original's backward
  pass is quadratic.
* Measured on {datetime.now(timezone.utc):%Y-%m-%d} with trace-opt {__version__}, Python
  {platform.python_version()}, {platform.system()} {platform.machine()}, {processor()},
  {os.cpu_count()} cores.
"""
