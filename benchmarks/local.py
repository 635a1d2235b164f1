"""A small model on this machine on four small jobs: our OptoPrime beside the original's.

Usage: .venv/bin/python -m benchmarks.local [--seeds N] [--jobs JOB ...] [--until HH:MM] [--write]

One server of llama.cpp answers both sides over HTTP. They have the same programs, the same loop
and as many questions. Seed by seed and job by job they take turns, and what came of each is
appended to a file, so that a run that was cut off goes on where it was, and what is there so
far is a fair comparison: only pairs count.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.attempt import SERVER
from benchmarks.environments import python_of
from benchmarks.page import where
from benchmarks.rounds import ROOT
from benchmarks.sections import put, table
from benchmarks.smalljobs import JOBS
from opto.llm.local import server
from opto.llm.local.weights import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HEADING = "A model on this machine"
SIDES = {"ours": "ours", "original": "original-optimizers"}
MODEL = "qwen2.5-coder-0.5b"
SEEDS = 10
CONTEXT = 8192
LONGEST = 900  # seconds of one attempt
KEPT = Path.home() / ".cache" / "opto" / "benchmarks"

Outcome = dict[str, Any]


@contextmanager
def served(model: str) -> Iterator[dict[str, str]]:
    """Where a server of the model is, in the words of the environment."""
    found = locate(model)
    setup = server.Setup(found.path, found.name, threads=1, context=CONTEXT, gpu_layers=0)
    running = server.running(setup)
    try:
        yield dict(zip(SERVER, (running.url, running.key, found.name), strict=True))
    finally:
        server.stop()


def turns(seeds: Sequence[int], jobs: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Side, job and seed of each attempt, so that whatever ends early was shared fairly."""
    for seed in seeds:
        for job in jobs:
            # Who comes second finds the server's cache of prompts as the first one left it.
            for side in sorted(SIDES, reverse=bool(seed % 2)):
                yield side, job, seed


def attempted(side: str, job: str, seed: int, place: Mapping[str, str]) -> Outcome:
    """What came of one attempt, in a process of its own."""
    command = [python_of(SIDES[side]), "-m", "benchmarks.attempt", side, job, str(seed)]
    rest = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**rest, **place},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    return json.loads(done.stdout)


def commit() -> str:
    """Which state of this repository is at work; empty where it is none."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def known(file: Path) -> list[Outcome]:
    """What came of earlier attempts; a line that was cut off is none."""
    outcomes = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            outcomes.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return outcomes


def run(
    file: Path,
    model: str,
    seeds: Sequence[int],
    until: datetime | None = None,
    jobs: Sequence[str] = tuple(JOBS),
) -> None:
    """Make the attempts that are not known yet, and append what comes of them."""
    had = {(o["side"], o["job"], o["seed"]) for o in known(file)}
    left = [turn for turn in turns(seeds, jobs) if turn not in had]
    if not left:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with served(model) as place:
        for side, job, seed in left:
            if until is not None and datetime.now(timezone.utc) >= until:
                print("The time is up.")
                return
            outcome = {**attempted(side, job, seed, place), "commit": commit()}
            with file.open("a", encoding="utf-8") as out:
                # On a line of its own, even if the last one was cut off.
                lone = "" if file.stat().st_size == 0 or _ends(file) else "\n"
                out.write(f"{lone}{json.dumps(outcome)}\n")
            told = "solved" if outcome["solved"] else "not solved"
            calls, seconds = outcome["calls"], outcome["seconds"]
            print(f"{job} {seed} {side}: {told}, {calls} calls, {seconds} s", flush=True)


def _ends(file: Path) -> bool:
    return file.read_bytes().endswith(b"\n")


def pairs(outcomes: Sequence[Outcome], job: str) -> dict[str, list[Outcome]]:
    """By side, what came of those seeds of a job that both sides have worked on."""
    by_side = {
        side: {o["seed"]: o for o in outcomes if (o["side"], o["job"]) == (side, job)}
        for side in SIDES
    }
    both = sorted(set.intersection(*(set(found) for found in by_side.values())))
    return {side: [found[seed] for seed in both] for side, found in by_side.items()}


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A row for each job."""
    lines = []
    for name, job in JOBS.items():
        found = pairs(outcomes, name)
        lines.append(
            [
                job.words,
                str(job.calls),
                *(f"{sum(o['solved'] for o in found[s])}/{len(found[s])}" for s in SIDES),
                *(_mean(found[s], lambda o: o["calls"]) for s in SIDES),
                *(_share(found[s]) for s in SIDES),
                *(_mean(found[s], lambda o: o["seconds"]) for s in SIDES),
            ]
        )
    return lines


HEAD = [
    "job",
    "calls at most",
    *(f"solved, {s}" for s in SIDES),
    *(f"calls a run, {s}" for s in SIDES),
    *(f"steps without a change, {s}" for s in SIDES),
    *(f"seconds a run, {s}" for s in SIDES),
]


def _mean(found: Sequence[Outcome], value: Any) -> str:
    return f"{sum(map(value, found)) / len(found):.1f}" if found else ""


def _share(found: Sequence[Outcome]) -> str:
    return f"{sum(o['unchanged'] for o in found)}/{sum(o['steps'] for o in found)}"


def verdict(outcomes: Sequence[Outcome]) -> str:
    """On how many jobs ours is above, level and below, in words."""
    signs = []
    for job in JOBS:
        ours, original = (sum(o["solved"] for o in pairs(outcomes, job)[s]) for s in SIDES)
        signs.append((ours > original) - (ours < original))
    above, level, below = (signs.count(sign) for sign in (1, 0, -1))
    return f"Ours is above on {above} of the {len(JOBS)} jobs, level on {level}, below on {below}."


NOTES = """\
How to read it:

* Every answer is a real one, of {model} (Q4_K_M, llama.cpp, one thread, the server's own
  temperature) over HTTP on 127.0.0.1; no answer is scripted. The model is small and the numbers
  are too: with 10 runs a side, a difference of three or less may be chance.
* The programs are those of `benchmarks/smalljobs.py`, written once. Both sides do
  `OptoPrime(parameters, llm=..., max_tokens=...)`, all else as it is by default (so without
  memory), and `zero_feedback`, `backward`, `step` until it is solved or all questions are asked.
  A question counts when it is sent, second tries and questions back included.
* Ours sends through `OpenAILLM` and asks for JSON by a schema, as `LocalLLM` does; the original
  sends through its own `CustomLLM` and asks for a JSON object. It is trace-opt==0.1.3.8, and a
  step of its that raises counts as one without a change.
* Seeds 0 to 9 choose start and goal, the same for both; how long a run may be was chosen by a
  look at other seeds, on which `memory_size=8` was tried too: ours then proposed old values again,
  and it was left at the default. Which job comes first was changed after seed 2 (`repair` last).
  Only seeds that both sides have worked on count.
* Seconds are of a machine that other programs used as well.
"""


def section(outcomes: Sequence[Outcome], model: str, command: str) -> str:
    """What stands below the heading."""
    states = sorted({o["commit"] for o in outcomes if o.get("commit")})
    return f"""Written by `{command}`.

{where()}, trace-opt==0.1.3.8
* Measured at commit: {", ".join(states) or "unknown"}

{table(HEAD, rows(outcomes))}

{verdict(outcomes)}

{NOTES.format(model=model)}"""


def moment(text: str) -> datetime:
    """A time of today, UTC."""
    hours, minutes = map(int, text.split(":"))
    return datetime.now(timezone.utc).replace(hour=hours, minute=minutes, second=0)


def main(*given: str) -> None:
    """Make what attempts are missing, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.local")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--until", type=moment, help="HH:MM, UTC: begin no attempt after that")
    parser.add_argument("--file", type=Path, help="where the outcomes are kept")
    parser.add_argument("--write", action="store_true", help="write docs/optimizing.md")
    asked = parser.parse_args(given)
    file = asked.file or KEPT / f"{Path(asked.model).name}.jsonl"
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    run(file, asked.model, seeds, asked.until, asked.jobs)
    outcomes = known(file)
    print(f"{table(HEAD, rows(outcomes))}\n\n{verdict(outcomes)}")
    if asked.write:
        put(HEADING, section(outcomes, asked.model, "make bench-local ARGS=--write"))


if __name__ == "__main__":
    main(*sys.argv[1:])
