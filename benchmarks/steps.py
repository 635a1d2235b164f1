"""The wall-clock of one step with a model that takes its time: ours, the original, TextGrad.

Usage: .venv/bin/python -m benchmarks.steps [--sizes N ...] [--latency S] [--limit S] [--write]

The model is scripted: it waits, and answers what the optimizer can read. So what is measured is
how many answers a step waits for, one after the other, and what the optimizer itself takes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from os import getloadavg
from threading import Timer
from typing import TYPE_CHECKING, Any

from benchmarks.environments import python_of
from benchmarks.page import where
from benchmarks.rounds import ROOT
from benchmarks.sections import put, table
from benchmarks.stepleg import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEADING = "One step"
SIZES = (10, 100, 1_000, 10_000)
LATENCY, LIMIT = 0.2, 60.0  # seconds: of an answer, and after which a step is given up
RECORDING = 60.0  # seconds for recording the graph, which is not measured
REPEATS, ENOUGH = 5, 3.0  # a step that took longer than this many seconds is not repeated
GRAIN = 0.001  # seconds that a sleeping process may wake up late
OPTIMIZERS = ("OptoPrime", "OPRO", "OptoPrimeMulti", "TextGrad")
# The environments of the sides, and what each has of the optimizers.
SIDES = {
    "ours": ("ours", OPTIMIZERS),
    "original": ("original-optimizers", OPTIMIZERS),
    "textgrad": ("textgrad", ("TextGrad",)),
}


@dataclass(frozen=True)
class Case:
    """One row: which optimizer, on what graph."""

    optimizer: str
    shape: str
    size: int


@dataclass
class Cell:
    """What one side took for a case.

    Attributes:
        seconds: of each step.
        calls: questions of a step.
        levels: of the graph.
        failed: why there is no time.
    """

    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    levels: int = 0
    failed: str = ""

    @property
    def took(self) -> float | None:
        """The least of all, so that what disturbed one does not count."""
        return min(self.seconds, default=None)

    @property
    def done(self) -> bool:
        """Whether another step would tell nothing new."""
        return bool(self.failed) or max(self.seconds, default=0.0) > ENOUGH

    def __str__(self) -> str:
        if not self.seconds:
            return self.failed
        return f"{self.took:.4f} ({self.calls})"


class Leg:
    """One side at work on one case, in a process of its own."""

    def __init__(self, python: Path | str, side: str, case: Case, latency: float) -> None:
        words = [side, case.optimizer, case.shape, str(case.size), str(latency)]
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.stepleg", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def step(self, cell: Cell, limit: float) -> None:
        """Make one step, and note what it took."""
        with contextlib.suppress(BrokenPipeError):
            print("step", file=self._process.stdin, flush=True)
        if self._line(RECORDING) != "recorded":
            cell.failed = "not recorded"
            return
        answer = self._line(limit)
        if not answer:
            cell.failed = f"> {limit:g} s"
            return
        found: dict[str, Any] = json.loads(answer)
        cell.levels, cell.calls = found["levels"], found["calls"]
        cell.failed = found.get("failed", "")
        if not cell.failed:
            cell.seconds.append(found["seconds"])

    def _line(self, limit: float) -> str:
        """The next line; empty if it does not come in time, and then nothing will."""
        watch = Timer(limit, self._process.kill)
        watch.start()
        try:
            return self._process.stdout.readline().strip()
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def measured(case: Case, sides: Sequence[str], latency: float, limit: float) -> dict[str, Cell]:
    """All sides in turn, so that what disturbs one disturbs all."""
    has = [side for side in sides if case.optimizer in SIDES[side][1]]
    cells = {side: Cell() for side in has}
    legs = {side: Leg(python_of(SIDES[side][0]), side, case, latency) for side in has}
    try:
        for _ in range(REPEATS):
            for side, leg in legs.items():
                if not cells[side].done:
                    leg.step(cells[side], limit)
    finally:
        for leg in legs.values():
            leg.close()
    return cells


def cases(sizes: Sequence[int]) -> Iterator[Case]:
    """The rows in their order."""
    for optimizer in OPTIMIZERS:
        for shape in SHAPES:
            for size in sizes:
                yield Case(optimizer, shape, size)


Found = dict[Case, dict[str, Cell]]


def shown(found: Found) -> str:
    """The table."""
    head = ["optimizer", "graph", "operations", "levels", *(f"{s}, s (questions)" for s in SIDES)]
    rows = [
        [
            case.optimizer,
            case.shape,
            f"{case.size:,}",
            str(max(cell.levels for cell in cells.values())),
            *(str(cells[side]) if side in cells else "" for side in SIDES),
        ]
        for case, cells in found.items()
    ]
    return table(head, rows)


def slower(found: Found) -> list[str]:
    """The cells in which a peer was faster than ours, by more than a clock's grain."""
    said = []
    for case, cells in found.items():
        ours = cells["ours"].took
        for side, cell in cells.items():
            if side == "ours" or cell.took is None:
                continue
            if ours is None or ours > cell.took + GRAIN:
                over = "has no time" if ours is None else f"{1e3 * (ours - cell.took):.1f} ms"
                said.append(f"{case.optimizer}, {case.shape} of {case.size:,}: {over} ({side})")
    return said


def deeper(found: Found, latency: float) -> list[str]:
    """The cells in which our TextGrad took longer than its levels times an answer."""
    return [
        f"{case.shape} of {case.size:,}: {cells['ours']} s, {cells['ours'].levels} levels"
        for case, cells in found.items()
        if case.optimizer == "TextGrad" and beyond(cells["ours"], latency)
    ]


def beyond(cell: Cell, latency: float) -> bool:
    """Whether it took longer than its levels times an answer, and a tenth for its own work."""
    return cell.took is None or cell.took > 1.1 * cell.levels * latency


def verdicts(found: Found, latency: float) -> str:
    """What the table shows, in words."""
    lines = []
    for said, words in (
        (slower(found), f"Cells in which a peer is faster by more than {1e3 * GRAIN:g} ms"),
        (deeper(found, latency), "Cells in which our TextGrad takes longer than levels x answer"),
    ):
        lines.append(f"{words}: {'; '.join(said) or 'none'}.")
    return "\n\n".join(lines)


NOTES = """\
How to read it:

* Scripted: the model waits {latency:g} s and gives an answer that the optimizer can use. Seconds
  of one `zero_feedback`, `backward` and `step` together, after the graph was recorded; the least
  of {repeats} (of one, where it takes longer than {enough:g} s), the sides in turn, each in a
  process of its own. In parentheses: the questions of a step.
* A step that takes longer than {limit:g} s is stopped ("> {limit:g} s"): the original and TextGrad
  ask once for each edge of the graph, one after the other. An error's name is what a side raises.
* *chain*: each operation has the result of the one before. *tree*: half of the operations look at
  the parameter, the others join two. One parameter; levels: of the graph, with the parameter's.
* OptoPrimeMulti asks for 3 answers, and ours for one choice among them as well: together, where
  the original asks one after the other. Ours of TextGrad runs with `parallel=200`, so that all
  questions of a level are asked at once, and asks at most 200 questions a step (`max_calls`).
* *original* is trace-opt==0.1.3.8, *textgrad* is textgrad==0.1.8, whose functions on texts
  (`StringBasedFunction`) stand for bundles; each in an environment of its own.
"""


def main(*given: str) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.steps")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds of an answer")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds of a step at most")
    parser.add_argument("--write", action="store_true", help="write docs/optimizing.md")
    asked = parser.parse_args(given)
    before, found = getloadavg()[0], {}
    for case in cases(asked.sizes):
        found[case] = measured(case, tuple(SIDES), asked.latency, asked.limit)
        told = ", ".join(f"{side} {cell}" for side, cell in found[case].items())
        print(f"{case.optimizer}, {case.shape} of {case.size:,}: {told}", flush=True)
    said = f"{shown(found)}\n\n{verdicts(found, asked.latency)}"
    print(f"\n{said}")
    if asked.write:
        load = f"* Load of the machine: {before:.1f} before and {getloadavg()[0]:.1f} after"
        notes = NOTES.format(
            latency=asked.latency, limit=asked.limit, repeats=REPEATS, enough=ENOUGH
        )
        how = "Written by `make bench-steps ARGS=--write`."
        put(HEADING, f"{how}\n\n{where()}\n{load}\n\n{said}\n\n{notes}")


if __name__ == "__main__":
    main(*sys.argv[1:])
