"""A hidden binary code: how many steps the graph in the prompt saves.

Usage: .venv/bin/python -m benchmarks.codes [--problems N] [--write]

A program reads k digits, each a parameter, and checks them one after the other in an order that
their names do not tell. All that is said about a run is "check N failed", N being the first
check that does; which digit it looked at stands nowhere but in the graph. No language model is
asked. One scripted solver answers, which has nothing but the text of the prompt: where the
program stands in it, it follows the check that failed back to its digit; where that is hidden,
it goes by what was tried before.

Source: arXiv 2406.16218, appendix F.2.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from random import Random
from statistics import mean

from benchmarks.page import where
from benchmarks.sections import put, table
from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import GRAPH, bundle, node

HEADING = "A hidden code"
LENGTHS = (8, 16, 32, 64)
PROBLEMS = 5
PATIENCE = 16  # steps for each digit, after which a run is given up
GRAPH_SECTIONS = ("Code", "Documentation", "Inputs", "Others", "Outputs")


@bundle()
def read(digit):
    """Read a digit."""
    return f"{digit:02b}"


@bundle()
def check(seal, reading):
    """Check a reading, and seal it with those before."""
    return sha256(f"{seal}/{reading}".encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Code:
    """A code to be found.

    Attributes:
        wanted: its digits.
        order: which digit each check looks at.
        start: the digits at first.
    """

    wanted: tuple[int, ...]
    order: tuple[int, ...]
    start: tuple[int, ...]

    @classmethod
    def drawn(cls, length: int, chance: Random) -> Code:
        wanted, start = (tuple(chance.choices((0, 1), k=length)) for _ in range(2))
        return cls(wanted, tuple(chance.sample(range(length), length)), start)

    @property
    def wrong(self) -> int:
        """How many digits are wrong at first."""
        return sum(a != b for a, b in zip(self.wanted, self.start, strict=True))

    def failed(self, digits) -> int | None:
        """The first check that fails; None if the code is found."""
        return next((n for n, i in enumerate(self.order) if digits[i] != self.wanted[i]), None)


def searched(code: Code, dialect: str, *, hidden: bool = False) -> tuple[int, bool]:
    """How many steps OptoPrime makes, and whether it finds the code."""
    GRAPH.clear()
    digits = [node(value, name="digit", trainable=True) for value in code.start]
    optimizer = OptoPrime(
        digits,
        llm=DummyLLM(solver),
        dialect=dialect,
        memory_size=None if hidden else 0,
        log=False,
    )
    mark = "#" if dialect == "json" else "# "
    mask = [mark + title for title in GRAPH_SECTIONS] if hidden else []
    for steps in range(PATIENCE * len(digits)):
        failed = code.failed([digit.data for digit in digits])
        if failed is None:
            return steps, True
        readings = [read(digit) for digit in digits]
        seal = "sealed"
        for i in code.order:
            seal = check(seal, readings[i])
        optimizer.zero_feedback()
        optimizer.backward(seal, f"check {failed} failed")
        optimizer.step(mask=mask)
    return steps + 1, code.failed([digit.data for digit in digits]) is None


# -- the solver, which is given nothing but messages ------------------------------------


def solver(messages, **_):
    """Turn the digit that the failed check looked at, or one that it may have looked at."""
    prompt = messages[-1]["content"]
    tagged = "<variable" in prompt
    shape = r'"(digit\d+)" type="int">\n<value>\n(\d)' if tagged else r"\(int\) (digit\d+)=(\d)"
    digits = {name: int(value) for name, value in re.findall(shape, prompt)}
    present = prompt.rpartition("Feedback\n")[2]
    failed = int(re.search(r"check (\d+) failed", present)[1])
    calls = re.findall(r"^(\w+) = (\w+)\((.*)\)$", prompt, re.MULTILINE)
    turned = by_the_graph(calls, failed, digits) if calls else by_trying(prompt, failed, digits)
    return (as_tags if tagged else as_json)({name: 1 - digits[name] for name in turned})


def by_the_graph(calls, failed, digits):
    """The digits that the failed check depends on and no check before it."""
    made = {result: re.findall(r"=(\w+)", arguments) for result, _, arguments in calls}
    checks = [result for result, operation, _ in calls if operation == "check"]
    left, found = list(made[checks[failed]]), []
    while left:
        name = left.pop()
        if name in digits:
            found.append(name)
        elif name not in checks:
            left += made.get(name, [])
    return found


def by_trying(prompt, failed, digits):
    """A digit that was not tried yet while this check failed; what did not help is undone.

    A turned digit that left this check failing is none of its own; one after which another
    check failed earlier is that one's, for good.
    """
    rounds = [json.loads(line) for line in re.findall(r'^\{"variables".*$', prompt, re.MULTILINE)]
    tried = [
        (
            {name: int(value) for name, value in episode["variables"].items()},
            int(re.search(r"\d+", episode["feedback"])[0]),
        )
        for episode in rounds
    ]
    tried.append((digits, failed))
    known, useless, best = set(), set(), tried[0]
    for (_, _), (values, now) in pairwise(tried):
        changed = {name for name in digits if values[name] != best[0][name]}
        if now > best[1]:
            # What was turned is right now, and what was useless for the last check may not be.
            known, useless, best = known | changed, set(), (values, now)
        elif now < best[1]:
            known |= changed
        else:
            useless |= changed
    undone = {name for name in digits if digits[name] != best[0][name]}
    fresh = [name for name in digits if name not in known | useless]
    return undone | set(fresh[:1])


def as_json(values):
    return json.dumps({"reasoning": "That digit is wrong.", "suggestion": values})


def as_tags(values):
    named = "".join(
        f"<variable>\n<name>{name}</name>\n<value>\n{value}\n</value>\n</variable>\n"
        for name, value in values.items()
    )
    return f"<reasoning>\nThat digit is wrong.\n</reasoning>\n{named}"


# -- the table --------------------------------------------------------------------------

WAYS = {
    "JSON": {"dialect": "json"},
    "tagged": {"dialect": "tagged"},
    "JSON, graph hidden": {"dialect": "json", "hidden": True},
}
HEAD = ["digits", "wrong at first", *(f"steps, {way}" for way in WAYS)]


def rows(problems: int, lengths=LENGTHS) -> list[list[str]]:
    """A row for each length: means over random codes, the same for all ways."""
    lines = []
    for length in lengths:
        chance = Random(length)  # noqa: S311 - random problems, not secrets
        codes = [Code.drawn(length, chance) for _ in range(problems)]
        line = [str(length), f"{mean(code.wrong for code in codes):.1f}"]
        for way in WAYS.values():
            found = [searched(code, **way) for code in codes]
            solved = sum(ok for _, ok in found)
            short = "" if solved == problems else f" ({problems - solved} of {problems} given up)"
            line.append(f"{mean(steps for steps, _ in found):.1f}{short}")
        lines.append(line)
    return lines


NOTES = f"""\
How to read it:

* Scripted: no model is asked. One solver (`benchmarks/codes.py`) answers all prompts of
  OptoPrime and is given their text and nothing else. The program has a parameter for each digit;
  which of them a check looks at stands in the prompt's code only. All that is said is
  "check N failed", of the first that fails.
* With the graph, a step is needed for each digit that is wrong, and no more. With the sections
  {", ".join(GRAPH_SECTIONS[:-1])} and {GRAPH_SECTIONS[-1]} masked, the solver sees all values that
  were tried and what was said, turns one digit after the other, and undoes what did not help.
* Means over random codes, the same for all columns. A run is given up after {PATIENCE} steps a
  digit.
* Source: arXiv 2406.16218, appendix F.2; the program is ours.
"""


def main(*given: str) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.codes")
    parser.add_argument("--problems", type=int, default=PROBLEMS)
    parser.add_argument("--write", action="store_true", help="write docs/optimizing.md")
    asked = parser.parse_args(given)
    shown = table(HEAD, rows(asked.problems))
    print(shown)
    if asked.write:
        how = f"Written by `make bench-codes ARGS=--write`: {asked.problems} codes of each length."
        put(HEADING, f"{how}\n\n{where()}\n\n{shown}\n\n{NOTES}")


if __name__ == "__main__":
    main(*sys.argv[1:])
