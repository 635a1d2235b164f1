"""What all layers around a model cost per call, over the bare client of OpenAI.

Usage: .venv/bin/python -m benchmarks.asking [SECONDS] [--write]

A server of 127.0.0.1, in a process of its own, answers at once; 16 threads ask it as fast
as they can, each time another question. So a call takes as long as the machine works for
it, and what one stack takes longer than another is what its layers cost. The stacks take
turns, round by round, each for some SECONDS, and the median of the rounds counts: what else
the machine does hits all of them. Ends with 1 if all layers together take more than 1 ms
a call. ``--write`` puts the table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count
from os import getloadavg
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import openai
import opentelemetry.sdk.trace as sdk
from openai.types.chat import ChatCompletion
from opentelemetry import trace

from benchmarks.answering import ANSWER, answering
from benchmarks.page import ASKING, put, where
from opto.llm import LLM, Budget, Budgeted, Governed, Governor, OpenAILLM, Price, Reply, Shaped
from opto.llm.around import around
from opto.store import Recorded, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from opto.llm import Request

THREADS, ROUNDS, SECONDS = 16, 9, 1.5
LIMIT = 1.0  # milliseconds
BARE, ALL = "bare client", "* * * * * traced, in an `around`"
CONTEXT = "You repair programs. " * 40
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
FORM = {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA}}
NUMBERS = count()


@dataclass(frozen=True)
class Stack:
    """One way to ask.

    Attributes:
        name: what it is called.
        ask: asks one question.
        within: what is entered before, and left after each round.
    """

    name: str
    ask: Callable[[], object]
    within: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True)
class Took:
    """What one call took, in milliseconds.

    Attributes:
        wall: of the clock, at saturation: of all threads together.
        cpu: of this process, in all its threads.
    """

    wall: float
    cpu: float


def question() -> list[dict[str, str]]:
    """A question of about a kilobyte that was never asked."""
    said = f"{CONTEXT}Number {next(NUMBERS)}: what is wrong?"
    return [{"role": "user", "content": said}]


@contextmanager
def traced() -> Iterator[None]:
    """Something that stands around all questions, and OpenTelemetry's SDK with nobody behind."""
    provider, before = sdk.TracerProvider(), trace.get_tracer_provider
    trace.get_tracer_provider = lambda: provider
    try:
        with around(lambda _, request, ask: ask(request)):
            yield
    finally:
        trace.get_tracer_provider = before


def stacks(url: str, folder: Path, inside: ExitStack) -> list[Stack]:
    """The ways to ask, from the bare client to all layers."""
    client = inside.enter_context(openai.OpenAI(base_url=url, api_key="none", max_retries=0))
    completions = client.chat.completions
    one = OpenAILLM("tiny", base_url=url, api_key="none")
    return [
        Stack(BARE, lambda: completions.create(model="tiny", messages=question())),
        Stack("`OpenAILLM`", lambda: one(question())),
        *layers(one, folder, inside),
    ]


def layers(one: LLM, folder: Path, inside: ExitStack) -> list[Stack]:
    """The layers around a model, each around those before it."""
    governed = Governed(one, Governor(requests_per_minute=6_000_000, concurrent=64))
    budget = Budget(usd=1e6, tokens=10**12)
    budgeted = Budgeted(governed, budget, prices={"tiny": Price(1.0, 2.0)}, longest=500)
    shaped = Shaped(budgeted)
    recorded = Recorded(shaped, folder / "cache.sqlite", cache=True)
    inside.callback(recorded.journal.close)
    in_run = run("asking", journal=folder / "run.sqlite")
    inside.callback(in_run.journal.close)
    return [
        Stack("* within a `Governor`", lambda: governed(question())),
        Stack("* * within a `Budget`", lambda: budgeted(question())),
        Stack("* * * asked by a form", lambda: shaped(question(), response_format=FORM)),
        Stack("* * * * with a cache", lambda: recorded(question(), response_format=FORM)),
        Stack(ALL, lambda: recorded(question(), response_format=FORM), traced),
        Stack(
            "`opto.run` in the cache's place",
            lambda: shaped(question(), response_format=FORM),
            lambda: in_run,
        ),
    ]


def measured(stack: Stack, seconds: float) -> Took:
    """What one call takes while all threads ask for some seconds."""

    def work(until: float) -> int:
        calls = 0
        while time.perf_counter() < until:
            stack.ask()
            calls += 1
        return calls

    with stack.within(), ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [time.perf_counter() + 0.2] * THREADS))  # connections, threads
        began, cpu = time.perf_counter(), time.process_time()
        calls = sum(pool.map(work, [began + seconds] * THREADS))
        took, used = time.perf_counter() - began, time.process_time() - cpu
    return Took(1000 * took / calls, 1000 * used / calls)


class AtOnce(LLM):
    """A model that answers at once, with what a client would return."""

    model_name = "tiny"

    def __init__(self) -> None:
        self.raw = ChatCompletion.model_validate(ANSWER)

    def answer(self, request: Request) -> Reply:
        return Reply.read(self.raw, request.digest)


def alone(samples: int = 40, calls: int = 25) -> dict[str, float]:
    """Microseconds of CPU that each layer takes in one thread: the least of many samples.

    Less than this it cannot take; what other programs do at the time only adds to it.
    """
    with ExitStack() as inside:
        folder = Path(inside.enter_context(TemporaryDirectory()))
        model = AtOnce()
        ways = [Stack("the model", lambda: model(question())), *layers(model, folder, inside)]
        least = dict.fromkeys([stack.name for stack in ways], float("inf"))
        for _ in range(samples):
            for stack in ways:
                with stack.within():
                    began = time.thread_time()
                    for _ in range(calls):
                        stack.ask()
                    took = 1e6 * (time.thread_time() - began) / calls
                least[stack.name] = min(least[stack.name], took)
    return least


def middle(rounds: list[Took]) -> Took:
    """The median of several rounds."""
    return Took(median(t.wall for t in rounds), median(t.cpu for t in rounds))


def table(found: dict[str, Took]) -> str:
    """The results as Markdown."""
    bare = found[BARE]
    rows = ["| ms a call | wall | CPU | wall over bare | CPU over bare |"]
    rows.append("|---|---|---|---|---|")
    rows += [
        f"| {name} | {t.wall:.2f} | {t.cpu:.2f} | {t.wall - bare.wall:+.2f} "
        f"| {t.cpu - bare.cpu:+.2f} |"
        for name, t in found.items()
    ]
    return "\n".join(rows)


def main(*given: str) -> int:
    """Print the table; 1 if all layers together cost more than the limit."""
    parser = argparse.ArgumentParser(prog="benchmarks.asking")
    parser.add_argument("seconds", type=float, nargs="?", default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(given)
    loads = getloadavg()
    with ExitStack() as inside:
        url = inside.enter_context(answering())
        folder = Path(inside.enter_context(TemporaryDirectory()))
        ways = stacks(url, folder, inside)
        rounds: dict[str, list[Took]] = {stack.name: [] for stack in ways}
        for _ in range(asked.rounds):
            for stack in ways:
                rounds[stack.name].append(measured(stack, asked.seconds))
    found = {name: middle(took) for name, took in rounds.items()}
    over = found[ALL].wall - found[BARE].wall
    least = alone()
    bare, *_ = least.values()
    told = ", ".join(
        f"{name.lstrip('* ')} {took - bare:.0f}" for name, took in list(least.items())[1:]
    )
    print(f"CPU in one thread, us a call over a model that answers at once: {told}\n")
    verdict = f"All layers together: {over:+.2f} ms a call, of {LIMIT:.2f} that they may take."
    print(f"{table(found)}\n\n{verdict}")
    if asked.write:
        shown = " ".join(["python -m benchmarks.asking", *given])
        load = f"{loads[0]:.1f} before and {getloadavg()[0]:.1f} after"
        rounds_ = f"{asked.rounds} of {asked.seconds:g} s"
        put(asking=section(found, verdict, shown, rounds_, f"{load}") + ALONE.format(told))
    return int(over > LIMIT)


ALONE = """\
* The same layers in one thread, around a model that answers at once, in microseconds of CPU a
  call, each with those before it (the least of 40 samples, so that other programs do not count):
  {}.
"""


def section(found: dict[str, Took], verdict: str, shown: str, rounds: str, load: str) -> str:
    """The section of docs/performance.md."""
    carrier = "aiohttp" if find_spec("aiohttp") else "httpx, as there is no aiohttp here"
    return f"""{ASKING}

Written by `{shown}`.

{where()}, openai {openai.__version__}, OpenTelemetry {version("opentelemetry-sdk")}
* Load of the machine, the benchmark's own included: {load}

{table(found)}

{verdict}

How to read it:

* {THREADS} threads ask a server on 127.0.0.1, a process of its own that answers at once, as fast
  as they can, each time a new question of about a kilobyte. *Wall* is the time of all divided
  by the calls, *CPU* that of the asking process. Medians of {rounds}; the stacks take turns.
* The *bare client* is `openai.OpenAI`, whose own retries are switched off. `OpenAILLM` sends
  through `openai.AsyncOpenAI` on one event loop, so that a question can be cancelled, by {carrier}.
* Each row that begins with \\* has one layer more than the row above: a governor that nobody
  waits for, a budget in dollars and tokens, a JSON schema that goes into the prompt as words,
  a cache in a file that never holds the answer, and at last something that stands around all
  questions, and spans of OpenTelemetry's SDK with nobody who collects them.
"""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
