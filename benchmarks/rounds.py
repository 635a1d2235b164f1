"""Running the legs side by side, in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.cases import Case

ROOT = Path(__file__).resolve().parents[1]
MOST_STEPS = 1 << 18
LIMIT = 120.0  # seconds of one sample


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: samples of each side.
        least: nanoseconds of a sample, so that the clock's grain is nothing.
        patience: nanoseconds of a side in one case, after which three samples do.
    """

    rounds: int
    least: int
    patience: int


FULL = Effort(rounds=15, least=20_000_000, patience=3_000_000_000)
QUICK = Effort(rounds=5, least=8_000_000, patience=300_000_000)


class Leg:
    """One process that measures on demand.

    Args:
        side: what it is to be; one of `benchmarks.sides.SIDES`.
        python: the interpreter of its environment.
    """

    def __init__(self, side: str, python: Path | str) -> None:
        self.side = side
        self.failures: dict[str, str] = {}
        self._python = python
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [self._python, "-m", "benchmarks.leg", self.side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # Two distributions are called `opto`: a side finds the one of its environment.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def fresh(self) -> None:
        """Go on in a new process, which has nothing behind it."""
        self.close()
        self._start()

    def measure(self, case: Case, size: int) -> int | None:
        """Nanoseconds, or bytes, of one sample; None if there are none to be had."""
        watch = Timer(LIMIT, self._process.kill)
        watch.start()
        try:
            print(case.name, size, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        finally:
            watch.cancel()
        if answer.lstrip("-").isdigit():
            return int(answer)
        self.failures[case.name] = answer or "the process ended"
        if not answer:
            self.fresh()
        return None

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True)
class Result:
    """Medians of one case for each step, by side: microseconds, or bytes."""

    case: Case
    values: dict[str, float] = field(default_factory=dict)


def enough(leg: Leg, case: Case, effort: Effort) -> int:
    """How many steps make a sample long enough to be measured."""
    size = 8
    while size < MOST_STEPS:
        took = leg.measure(case, size)
        if took is None or took >= effort.least:
            break
        # Straight to the goal once the clock can be trusted, and by doubling until then.
        size = max(2 * size, int(size * effort.least / took) if took > effort.least // 50 else 0)
    return min(size, MOST_STEPS)


def in_turn(case: Case, legs: list[Leg], effort: Effort) -> Result:
    """Measure a case on each side that has such a thing, alternating; the medians."""
    sides = [leg for leg in legs if case.has(leg.side)]
    if case.shape == "bytes":
        for leg in sides:
            leg.fresh()
    sizes = {
        leg.side: case.sizes.get(leg.side, case.size) or enough(leg, case, effort) for leg in sides
    }
    samples: dict[str, list[int]] = {leg.side: [] for leg in sides}
    rounds = 1 if case.shape == "bytes" else effort.rounds
    for _ in range(rounds):
        for leg in sides:
            had = samples[leg.side]
            if case.name in leg.failures or (len(had) >= 3 and sum(had) > effort.patience):
                continue
            took = leg.measure(case, sizes[leg.side])
            had += [] if took is None else [took]
    unit = 1 if case.shape == "bytes" else 1_000
    return Result(case, {side: median(s) / sizes[side] / unit for side, s in samples.items() if s})
