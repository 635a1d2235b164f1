"""What a call of foreign code costs in the sandbox, beside other ways to run it.

Usage: .venv/bin/python -m benchmarks.sandbox [--write] [--rounds N]

The ways take turns, call by call, so that what else the machine does hits all of them. Ends
with 1 if a limit is missed. ``--write`` puts the section into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count, getloadavg
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.page import PAGE, SANDBOX, where
from benchmarks.sections import put, table
from opto.sandbox.engine import CPython
from opto.sandbox.policy import Policy
from opto.sandbox.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, FEW = 60, 12
TIME = 0.2  # seconds that a hanging call has
SMALL = "def f(x):\n    return x + 1\n"
SAME = "def f(x):\n    return x\n"
HANG = "def f(x):\n    while True:\n        pass\n"
ASK = "def f(x):\n    for i in range(x):\n        ask(i)\n"
WORK = "def f(x):\n    t = 0\n    for i in range(x):\n        t += i * i % 7\n    return t\n"
TEXT = "x" * (1 << 20)
ROWS = [[i + j / 7 for j in range(10)] for i in range(10_000)]
# The limits of the issue, in milliseconds, for an idle machine.
LIMITS = {"small": 5.0, "text": 15.0, "rows": 60.0, "late": 100.0, "start": 500.0}
ALONE = (
    "import json, sys\ntext, x = json.load(sys.stdin)\nscene = {}\nexec(text, scene)\n"
    "json.dump(scene['f'](x), sys.stdout)"
)


@dataclass(frozen=True)
class Way:
    """One way to run a text that defines `f`.

    Attributes:
        name: what it is called.
        call: runs the text and calls its function.
    """

    name: str
    call: Callable[[str, object], object]


def executed(text: str, value: object) -> object:
    """The function, run where this is called: in this process, or in a worker of a pool."""
    scene: dict[str, object] = {}
    exec(text, scene)  # noqa: S102 - what is measured
    return scene["f"](value)  # type: ignore[operator]


def alone(text: str, value: object) -> object:
    """The function, run by a Python that is started for it."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE],
        input=json.dumps([text, value]),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def held(engine: CPython, level: str) -> Callable[[str, object], object]:
    """The function, run in the sandbox."""
    policy = Policy(level=level)
    engine.start(policy)
    return lambda text, value: engine.call(Task(text, "f", (value,)), policy).value_or_raise()


def measured(ways: list[Way], text: str, value: object, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by way."""
    took: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(rounds + 2):
        for way in ways:
            began = time.perf_counter()
            way.call(text, value)
            took[way.name].append(1000 * (time.perf_counter() - began))
    return {name: times[2:] for name, times in took.items()}


def start(level: str) -> float:
    """Milliseconds until a process that just began has its first result."""
    program = (
        "import time, sys; from opto.sandbox.engine import CPython; "
        "from opto.sandbox.policy import Policy; from opto.sandbox.task import Task; "
        f"began = time.perf_counter(); engine, policy = CPython(), Policy(level={level!r}); "
        "engine.call(Task('def f(): pass', 'f'), policy); "
        "print(1000 * (time.perf_counter() - began))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def late(engine: CPython, level: str) -> float:
    """Milliseconds that a hanging call takes beyond its time."""
    policy = Policy(level=level, time=TIME)
    began = time.perf_counter()
    outcome = engine.call(Task(HANG, "f", (0,)), policy)
    took = 1000 * (time.perf_counter() - began - TIME)
    if outcome.status != "timeout":
        raise RuntimeError(outcome.sentence)
    return took


def asked(engine: CPython, level: str, calls: int = 50) -> float:
    """Milliseconds of one call to the host, out of many."""
    policy = Policy(level=level, host={"ask": abs})
    times = []
    for many in (0, calls):
        began = time.perf_counter()
        engine.call(Task(ASK, "f", (many,)), policy).value_or_raise()
        times.append(1000 * (time.perf_counter() - began))
    return (times[1] - times[0]) / calls


def speedup(way: Way, turns: int = 300_000, calls: int = 16) -> float:
    """How many times faster calls are at once than one after another."""
    began = time.perf_counter()
    for _ in range(calls):
        way.call(WORK, turns)
    between = time.perf_counter()
    with ThreadPoolExecutor(calls) as pool:
        list(pool.map(lambda _: way.call(WORK, turns), range(calls)))
    return (between - began) / (time.perf_counter() - between)


@dataclass(frozen=True)
class Found:
    """What was measured.

    Attributes:
        calls: for each kind of call and each way, the milliseconds of all rounds.
        others: for each other figure and level, its rounds.
        cores: how many times faster 16 calls are at once, by way.
    """

    calls: dict[str, dict[str, list[float]]]
    others: dict[str, dict[str, list[float]]]
    cores: dict[str, float]


def found(rounds: int) -> Found:
    """Measure everything."""
    engine = CPython()
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        try:
            none = Way("none", executed)
            levels = [Way(level, held(engine, level)) for level in ("process", "isolated")]
            kept = Way("a pool's worker", lambda *a: pool.apply(executed, a))
            ways = [none, *levels, kept, Way("a Python each", alone)]
            calls = {
                "small": measured(ways, SMALL, 1, rounds),
                "text": measured(ways, SAME, TEXT, FEW),
                "rows": measured(ways, SAME, ROWS, FEW),
            }
            others = {
                "late": {w.name: [late(engine, w.name) for _ in range(FEW)] for w in levels},
                "start": {w.name: [start(w.name) for _ in range(FEW // 2)] for w in levels},
                "ask": {w.name: [asked(engine, w.name) for _ in range(FEW)] for w in levels},
            }
            return Found(calls, others, {w.name: speedup(w) for w in [none, *levels]})
        finally:
            engine.stop()


WORDS = {
    "small": "call with a small argument",
    "text": "1 MB of text, there and back",
    "rows": "10,000 rows of 10 numbers, there and back",
    "ask": "each call to the host",
    "late": "a hang ends after its time by",
    "start": "first call of a process, once",
}


def shown(said: Found) -> str:
    """The table."""
    names = list(said.calls["small"])
    rows = []
    for key, by_way in {**said.calls, **said.others}.items():
        cells = [
            f"{median(by_way[n]):.2f} ({min(by_way[n]):.2f})" if n in by_way else "" for n in names
        ]
        rows.append([WORDS[key], *cells, f"{LIMITS[key]:g}" if key in LIMITS else ""])
    times = [f"{said.cores[n]:.2f}x" if n in said.cores else "" for n in names]
    rows.append(["16 at once, beside one after another", *times, ""])
    return table(["ms: median (best)", *names, "limit"], rows)


def missed(said: Found) -> list[str]:
    """The limits that are missed, by the median of a level."""
    return [
        f"{WORDS[key]}: {median(times):.1f} ms at level {level}, of {LIMITS[key]:g}"
        for key, by_way in {**said.calls, **said.others}.items()
        for level, times in by_way.items()
        if key in LIMITS and level in {"process", "isolated"} and median(times) > LIMITS[key]
    ]


NOTES = """\
How to read it:

* *none* is `exec` in this process: what the sandbox is compared with, and no wall at all. *process*
  and *isolated* are its levels: a fresh child for each call, forked ahead from a clean worker,
  behind its walls before it sees the code, killed after it. *a pool's worker* is `multiprocessing`
  with one process that is kept, and whose results are unpickled here: code of a candidate can
  run in the host by that, and what one call changes the next one finds. *a Python each* is
  `subprocess` with JSON.
* The ways take turns, call by call. A call that waits for its child to be forked counts in full:
  a small call after another costs the processor about as much as it takes here.
* The limits are meant for a machine that does nothing else."""


def main(*given: str) -> int:
    """Print the table; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.sandbox")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    chosen = parser.parse_args(given)
    before = getloadavg()[0]
    said = found(chosen.rounds)
    failed = missed(said)
    verdict = "\n".join(f"* missed: {words}" for words in failed) or "All limits are reached."
    load = f"* Load of the machine: {before:.1f} before, {getloadavg()[0]:.1f} after"
    print(f"{shown(said)}\n\n{verdict}\n\n{load}, {cpu_count()} cores")
    if chosen.write:
        how = " ".join(["python -m benchmarks.sandbox", *given])
        body = f"Written by `{how}`.\n\n{where()}\n{load}\n\n{shown(said)}\n\n{verdict}\n\n{NOTES}"
        put(SANDBOX.removeprefix("## "), body, PAGE)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
