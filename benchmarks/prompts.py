"""How many tokens the optimizers ask with: ours beside the original's, on small programs.

Usage: .venv/bin/python -m benchmarks.prompts [--show PROGRAM] [--write]

No model is asked: the questions are taken as a scripted model gets them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.environments import python_of
from benchmarks.page import where
from benchmarks.programs import FACTS, PROGRAMS
from benchmarks.promptleg import OPTIMIZERS, TAGGED
from benchmarks.rounds import ROOT
from benchmarks.sections import put, table
from opto.llm.tokens import count

HEADING = "Tokens of the prompts"
SIDES = {"ours": "ours", "original": "original-optimizers"}
MODEL = "gpt-4o"  # whose tokenizer counts

Questions = dict[str, dict[str, list[list[str]]]]


def questions(side: str) -> Questions:
    """What a side asks, by program and optimizer."""
    done = subprocess.run(
        [python_of(SIDES[side]), "-m", "benchmarks.promptleg", side],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def tokens(asked: list[list[str]]) -> int:
    """The tokens of all texts of a step."""
    return sum(count(text, MODEL).tokens for messages in asked for text in messages)


def facts(asked: list[list[str]]) -> int:
    """How many of the facts of SPEC 12 A.1 stand in the questions."""
    text = "\n".join(text for messages in asked for text in messages)
    return sum(fact in text for fact in FACTS)


def rows(ours: Questions, original: Questions) -> list[list[Any]]:
    """A row for each program and optimizer."""
    lines = []
    for optimizer in (*OPTIMIZERS, TAGGED):
        peer = optimizer.partition(", ")[0]
        for name, (words, _) in PROGRAMS.items():
            mine, its = ours[name][optimizer], original[name][peer]
            a, b = tokens(mine), tokens(its)
            lines.append([optimizer, words, a, b, f"{a / b:.2f}", len(mine), len(its)])
    return lines


HEAD = ["optimizer", "program", *(f"tokens, {s}" for s in SIDES), "ours / original"]
HEAD += [f"questions, {s}" for s in SIDES]


def verdict(lines: list[list[Any]], ours: Questions) -> str:
    """Where ours has more tokens, and the facts of the golden program, in words."""
    more = [
        f"{line[0]}, {line[1]} ({line[2]} and {line[3]})" for line in lines if line[2] > line[3]
    ]
    has = facts(ours["golden"]["OptoPrime"])
    return (
        f"Ours has more tokens in: {'; '.join(more) or 'none'}.\n\n"
        f"OptoPrime's question about the golden program has {has} of the {len(FACTS)} facts that "
        "SPEC 12 A.1 names."
    )


NOTES = """\
How to read it:

* Scripted: the texts of all messages of one step, in its first round, without memory and without
  questions back; counted by {by} on both sides. What a provider adds for a JSON schema
  is not counted: neither side sends one here.
* The programs are in `benchmarks/programs.py`. *original* is trace-opt==0.1.3.8; it has no tagged
  dialect, which stands beside its JSON here.
* TextGrad's tokens are those of all its questions together.
"""


def main(*given: str) -> None:
    """Print the table, or the prompts of a program."""
    parser = argparse.ArgumentParser(prog="benchmarks.prompts")
    parser.add_argument("--show", choices=PROGRAMS, help="print the prompts about it")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="OptoPrime", help="whose")
    parser.add_argument("--write", action="store_true", help="write docs/optimizing.md")
    asked = parser.parse_args(given)
    found = {side: questions(side) for side in SIDES}
    if asked.show:
        for side, all_ in found.items():
            print(f"======== {side}", *all_[asked.show][asked.optimizer][0], sep="\n")
        return
    lines = rows(**found)
    said = f"{table(HEAD, lines)}\n\n{verdict(lines, found['ours'])}"
    print(said)
    if asked.write:
        notes = NOTES.format(by=count("", MODEL).by)
        how = "Written by `make bench-prompts ARGS=--write`."
        put(HEADING, f"{how}\n\n{where()}\n\n{said}\n\n{notes}")


if __name__ == "__main__":
    main(*sys.argv[1:])
