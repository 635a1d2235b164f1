from __future__ import annotations

import json
from random import Random
from statistics import mean

import pytest

from benchmarks.numerical import Problem, adam, by_the_program, compared
from opto.trace import node


def test_the_program_in_the_prompt_is_worth_more_than_a_tuned_slope():
    optoprime, history, tuned = map(mean, compared(12).values())
    assert optoprime <= tuned
    assert optoprime <= history
    assert optoprime < 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_the_slope_is_that_of_the_output(seed):
    problem = Problem.drawn(Random(seed))
    x, width = problem.start, 1e-6
    measured = (problem.output(x + width) - problem.output(x - width)) / (2 * width)
    assert problem.slope(x) == pytest.approx(measured, rel=1e-4, abs=1e-4)


def test_a_problem_has_a_solution_and_can_be_traced():
    problem = Problem.drawn(Random(3))
    assert problem.output(node(problem.start)).data == problem.output(problem.start)
    assert min(adam(problem, 0.1)) < abs(problem.output(problem.start) - problem.target)


PROMPT = """#Code
add0 = add(x=x0, y=a0)

#Variables
(float) x0=1.0

#Inputs
(float) a0=2.0

#Feedback
The output was 3.0 and should be 9.0."""


def test_the_solver_knows_only_the_prompt():
    said = json.loads(by_the_program([{"content": PROMPT}]))
    assert said["suggestion"]["x0"] == pytest.approx(7.0)
