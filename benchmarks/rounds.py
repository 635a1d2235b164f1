"""Running the legs side by side, in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Timer

ROOT = Path(__file__).resolve().parents[1]
LEG = ROOT / "benchmarks" / "leg.py"
ORIGINAL = "trace-opt==0.1.3.8"
ENVIRONMENT = ROOT / ".bench"
LEAST_NS = 20_000_000  # a sample is at least this long, so that the clock's grain is nothing
MOST_STEPS = 200_000
ROUNDS = 9


def original_python() -> Path:
    """The Python of an environment that has the original's tracer, and only that."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / ORIGINAL
    if not stamp.exists():
        print(f"Installing {ORIGINAL} into {ENVIRONMENT.name}/, once.")
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Its tracer needs neither xgboost nor litellm, which are 1.2 GB.
        subprocess.run([*pip, "--no-deps", ORIGINAL], check=True)
        subprocess.run([*pip, "--no-warn-conflicts", "graphviz", "numpy"], check=True)
        stamp.touch()
    return python


class Leg:
    """One process that measures on demand.

    Args:
        name: what the table calls it.
        python: the interpreter of its environment.
        side: what `leg.py` is to be.
    """

    def __init__(self, name: str, python: Path | str, side: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, LEG, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, case: str, size: int, limit: float = 120.0) -> int | None:
        """CPU nanoseconds of one sample; None if it failed or took more than `limit` seconds."""
        watch = Timer(limit, self._process.kill)
        watch.start()
        try:
            print(case, size, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            watch.cancel()
        return int(answer) if answer.strip() else None

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def legs() -> list[Leg]:
    """Ours first, then what it is compared with."""
    return [
        Leg("ours", sys.executable, "traced"),
        Leg("original", original_python(), "traced"),
        Leg("plain", sys.executable, "plain"),
        Leg("minimal", sys.executable, "minimal"),
    ]


@dataclass(frozen=True)
class Result:
    """Medians of one case, in microseconds for each step, by leg."""

    case: str
    size: int | None
    microseconds: dict[str, float | None] = field(default_factory=dict)


def enough(leg: Leg, case: str) -> int:
    """How many steps make a sample long enough to be measured."""
    size = 64
    while size < MOST_STEPS and (leg.measure(case, size) or LEAST_NS) < LEAST_NS:
        size *= 2
    return min(size, MOST_STEPS)


def in_turn(case: str, sides: list[Leg], size: int | None = None, rounds: int = ROUNDS) -> Result:
    """Measure a case on each side `rounds` times, alternating; the medians.

    Args:
        case: the name of a function of `leg.py`.
        sides: which legs take part.
        size: steps of a sample; None lets each leg find what is long enough.
        rounds: samples of each leg.
    """
    sizes = {leg.name: size or enough(leg, case) for leg in sides}
    samples: dict[str, list[float]] = {leg.name: [] for leg in sides}
    for _ in range(rounds):
        for leg in sides:
            took = leg.measure(case, sizes[leg.name])
            if took is not None:
                samples[leg.name].append(took / sizes[leg.name] / 1000)
    return Result(case, size, {name: median(s) if s else None for name, s in samples.items()})
