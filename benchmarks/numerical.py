"""Numerical optimization as in the Trace paper: what the graph in the prompt is worth.

Usage: .venv/bin/python -m benchmarks.numerical [PROBLEMS] [--write]

Each problem is a random program of one number and an output that it should have. No language
model is asked: the answers are those of two scripted solvers that know nothing but what stands
in the prompt. One takes the program from it and goes by secants of that; the other one sees
only what was tried before, as OPRO shows it, and goes by secants of that. Adam gets the true
slope of the error, and the best of its rates for these very problems.

Source: arXiv 2406.16218, section 5 and figure 5a, which has 30 problems and 10 steps.
"""

from __future__ import annotations

import argparse
import json
import operator
import re
import sys
from dataclasses import dataclass
from random import Random
from statistics import mean, median

from benchmarks.page import where
from benchmarks.sections import put, table
from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import GRAPH, node

STEPS = 10
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
OPERATIONS = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}
HIDDEN = ("#Code", "#Documentation", "#Inputs", "#Others", "#Outputs")
NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?|-?inf|nan"


@dataclass(frozen=True)
class Problem:
    """A program of one number.

    Args:
        moves: what is done with the value so far, and the constant that it is done with; None
            for the number itself.
        start: where the search begins.
        target: what the output should be.
    """

    moves: tuple[tuple[str, float | None], ...]
    start: float
    target: float

    @classmethod
    def drawn(cls, chance: Random) -> Problem:
        """A random problem that has a solution between -5 and 5."""
        moves = tuple(
            (chance.choice(tuple(OPERATIONS)), chance.choice([None, *_constants(chance)]))
            for _ in range(6)
        )
        solution, start = chance.uniform(-5, 5), chance.uniform(-5, 5)
        return cls(moves, start, cls(moves, start, 0.0).output(solution))

    def output(self, x):
        """The output of the program, traced where `x` is a node."""
        value = x
        for name, constant in self.moves:
            value = OPERATIONS[name](value, x if constant is None else constant)
        return value

    def slope(self, x):
        """The derivative of the output."""
        value, slope = x, 1.0
        for name, constant in self.moves:
            other, its_slope = (x, 1.0) if constant is None else (constant, 0.0)
            if name == "multiply":
                value, slope = value * other, slope * other + value * its_slope
            else:
                sign = 1.0 if name == "add" else -1.0
                value, slope = value + sign * other, slope + sign * its_slope
        return slope


def _constants(chance):
    return [round(chance.uniform(-2, 2), 1) for _ in range(3)]


def optoprime(problem, solver, *, mask=()):
    """The errors after each step of OptoPrime, answered by a solver."""
    GRAPH.clear()
    x = node(problem.start, name="x", trainable=True)
    optimizer = OptoPrime([x], llm=DummyLLM(solver), memory_size=STEPS)
    errors = []
    for _ in range(STEPS):
        output = problem.output(x)
        said = f"The output was {output.data!r} and should be {problem.target!r}."
        optimizer.zero_feedback()
        optimizer.backward(output, said)
        optimizer.step(mask=list(mask))
        errors.append(abs(problem.output(x.data) - problem.target))
    return errors


def adam(problem, rate, decay=(0.9, 0.999)):
    """The errors after each step of Adam with the true slope of the absolute error."""
    x, first, second, errors = problem.start, 0.0, 0.0, []
    for step in range(1, STEPS + 1):
        above = problem.output(x) > problem.target
        slope = problem.slope(x) * (1.0 if above else -1.0)
        first = decay[0] * first + (1 - decay[0]) * slope
        second = decay[1] * second + (1 - decay[1]) * slope * slope
        scaled = first / (1 - decay[0] ** step), second / (1 - decay[1] ** step)
        x -= rate * scaled[0] / (scaled[1] ** 0.5 + 1e-8)
        errors.append(abs(problem.output(x) - problem.target))
    return errors


def by_the_program(messages, **_):
    """A solver that runs the program that stands in the prompt."""
    prompt = messages[-1]["content"]
    given = {name: float(value) for name, value in re.findall(r"\(\w+\) (\w+)=(\S+)", prompt)}
    code = re.findall(r"^(\w+) = (\w+)\(x=(\w+), y=(\w+)\)$", prompt, re.MULTILINE)
    [name] = re.findall(r"#Variables\n\(float\) (\w+)=", prompt)
    target = _target(prompt)

    def error(x):
        values = {**given, name: x}
        for result, operation, one, other in code:
            values[result] = OPERATIONS[operation](values[one], values[other])
        return values[code[-1][0]] - target

    return _answer(name, _nearer(error, given[name]))


def _nearer(error, x):
    """One step of the secant method, as short as it takes to come nearer."""
    here, width = error(x), 1e-6 * max(1.0, abs(x))
    rise = (error(x + width) - here) / width
    step = -here / rise if rise else 1.0
    while abs(error(x + step)) > abs(here) and abs(step) > 1e-12:
        step /= -2 if step > 0 else -1
    return x + step if abs(error(x + step)) <= abs(here) else x


def by_what_was_tried(messages, **_):
    """A solver that sees only values and what was said about them."""
    prompt = messages[-1]["content"]
    [(name, now)] = re.findall(r"#Variables\n\(float\) (\w+)=(\S+)", prompt)
    target = _target(prompt)
    tried = [
        (float(episode["variables"][name]), float(_output(episode["feedback"])))
        for episode in map(json.loads, re.findall(r'^\{"variables".*$', prompt, re.MULTILINE))
    ]
    present = re.search(r"#Feedback\n(.*)", prompt)[1]
    tried.append((float(now), float(_output(present))))
    x, y = tried[-1]
    if len(tried) == 1:
        return _answer(name, x + 1.0)
    before, its_y = tried[-2]
    rise = (y - its_y) / (x - before) if x != before else 0.0
    return _answer(name, x + (target - y) / rise if rise else x + 1.0)


def _output(said):
    return re.search(rf"was ({NUMBER}) and", said)[1]


def _target(prompt):
    return float(re.search(rf"should be ({NUMBER})\.", prompt)[1])


def _answer(name, value):
    return json.dumps({"reasoning": "by secants", "suggestion": {name: value}})


def compared(count, seed=0):
    """The errors of all sides at the last step, by side."""
    chance = Random(seed)  # noqa: S311 - random problems, not secrets
    problems = [Problem.drawn(chance) for _ in range(count)]
    tuned = {rate: [adam(problem, rate)[-1] for problem in problems] for rate in RATES}
    best = min(tuned, key=lambda rate: mean(tuned[rate]))
    return {
        "OptoPrime, the program in the prompt": [
            optoprime(problem, by_the_program)[-1] for problem in problems
        ],
        "history only, as OPRO shows it": [
            optoprime(problem, by_what_was_tried, mask=HIDDEN)[-1] for problem in problems
        ],
        f"Adam, rate {best:g}, the best of {len(RATES)}": tuned[best],
    }


HEADING = "Numbers"
NOTES = f"""\
How to read it:

* Scripted: no model is asked. OptoPrime's prompts are answered by two solvers that know nothing
  but what stands in them: one runs the program that it finds there and goes by secants of it, the
  other has the program's sections masked, sees what was tried, and goes by secants of that. Adam
  gets the true slope of the error, and the best of {len(RATES)} rates for these very problems.
* A problem is a random program of six operations on one number, and an output that it should
  have. Absolute errors of the output after {STEPS} steps.
* Source: arXiv 2406.16218, section 5 and figure 5a.
"""


def main(*given: str) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.numerical")
    parser.add_argument("problems", type=int, nargs="?", default=30)
    parser.add_argument("--write", action="store_true", help="write docs/optimizing.md")
    asked = parser.parse_args(given)
    rows = [
        (side, f"{mean(errors):.4g}", f"{median(errors):.4g}")
        for side, errors in compared(asked.problems).items()
    ]
    shown = table(("solver", "mean error", "median error"), rows)
    print(shown)
    if asked.write:
        how = f"Written by `make bench-numbers ARGS=--write`: {asked.problems} random problems."
        put(HEADING, f"{how}\n\n{where()}\n\n{shown}\n\n{NOTES}")


if __name__ == "__main__":
    main(*sys.argv[1:])
