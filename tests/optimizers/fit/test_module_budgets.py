"""Programs of modules within any budget: when calls become steps, and what stays."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from opto.errors import OptimizerError
from opto.optimizers.fit.budget import Budget
from opto.optimizers.fit.modules import Nest
from opto.trace import Module, bundle, node
from tests.optimizers.fit.programs import (
    fit,
    grade,
    join,
    names_in,
    optimizer_of,
    reaches,
    step,
    told,
    unexplained,
)

OPERATIONS = [bundle(f"[op{i}] does {i}")(lambda x: x) for i in range(40)]


class Wide(Module):
    """Forty operations."""

    def __init__(self):
        self.prompt = node("do", name="prompt", trainable=True)

    def forward(self, x):
        x = step(x, self.prompt)
        for operation in OPERATIONS:
            x = operation(x)
        return x


class Both(Module):
    """Twice forty, and some."""

    def __init__(self):
        self.one, self.two = Wide(), Wide()

    def forward(self, x):
        x = self.two(grade(self.one(x)))
        for operation in OPERATIONS[:15]:
            x = operation(x)
        return x


def codes_of(parameters, budgets, outputs):
    for budget in budgets:
        problem = fit(parameters, budget)
        told(problem, parameters, outputs)
        yield problem


def test_calls_are_collapsed_where_samples_have_no_room_the_inner_ones_first():
    both, given_ = Both(), node(1, name="given")
    output = both(both(given_))
    output.backward("wrong")
    parameters = both.parameters()
    assert "forward" not in fit(parameters).code
    shown = [*codes_of(parameters, [6000, 4000, *range(2500, 750, -100)], [output])]
    inner = [at for at, problem in enumerate(shown) if "= Wide.forward(x=" in problem.code]
    outer = [at for at, problem in enumerate(shown) if "= Both.forward(x=" in problem.code]
    assert inner
    assert outer
    assert 0 < inner[0] <= inner[-1] < outer[0]
    first, last = shown[inner[0]], shown[outer[-1]]
    assert first.code.startswith("... Collapsed: 164 steps in 4 calls of modules, of which each")
    assert "[Wide.forward] A call of a module, collapsed into one step. Forty" in (
        first.documentation
    )
    one, two = (p.py_name for p in parameters)
    assert f"Both.forward(x={given_.py_name}, prompt={one}, prompt_2={two})" in last.code
    assert f"prompt={one}" in first.code
    assert f"prompt={two}" in first.code


def test_many_calls_fold_like_equal_steps():
    wide, y = Wide(), node(0, name="given")
    for _ in range(300):
        y = wide(y)
    y.backward("wrong")
    problem = fit([wide.prompt], 1700)
    told(problem, [wide.prompt], [y])
    p = wide.prompt.py_name
    assert f"... 299 steps like Wide.forward(x=<a result of Wide.forward>, prompt={p})" in (
        problem.code
    )
    assert "... Collapsed: 12,300 steps in 300 calls of modules" in problem.code
    assert len(problem.code.splitlines()) < 20


class Arbitrary(Module):
    """Does what its seed says: operations, calls of others, and leaks of what is inside."""

    def __init__(self, random, depth, leaked):
        self.own = node("own", name="own", trainable=True)
        parts = random.randrange(3) if depth else 0
        self.parts = [Arbitrary(random, depth - 1, leaked) for _ in range(parts)]
        self.random, self.leaked = random, leaked

    def forward(self, x):
        made = [x]
        for _ in range(self.random.randrange(6)):
            made.append(self.one(made))
        if self.random.random() < 0.2:
            self.leaked.append(made[-1])
        return made[-1] if self.random.random() < 0.8 else (made[-1], made[len(made) // 2])

    def one(self, made):
        dice = self.random.random()
        source = self.random.choice(made)
        if dice < 0.4 and self.parts:
            out = self.random.choice(self.parts)(source)
            return self.random.choice(out) if type(out) is tuple else out
        if dice < 0.6:
            return step(source, self.own)
        if dice < 0.7:
            return step(source, node(1, name="constant"))
        if dice < 0.8 and self.leaked:
            return join(source, self.random.choice(self.leaked))
        return grade(source)


def any_program(seed, rounds):
    random, leaked = Random(seed), []
    top = [Arbitrary(random, 3, leaked) for _ in range(2)]
    y = node("start", name="given")
    for _ in range(rounds):
        y = random.choice(top)(y)
        y = join(*y) if type(y) is tuple else y
    parameters = [p for module in top for p in parameters_of(module)]
    output = join(y, *parameters[:1], *leaked[-2:])
    output.backward("wrong", retain_graph=True)
    if leaked and seed % 3 == 0:
        leaked[0].backward("odd", retain_graph=True)
    return parameters


def parameters_of(module):
    return [module.own, *(p for part in module.parts for p in parameters_of(part))]


def lines_in(summary):
    return [line for _, line in sorted(summary.graph, key=lambda pair: pair[0])]


def reached(summary):
    """The variables from which lines lead to an output; fails where a line uses a later one."""
    known = {*summary.roots}
    needed = {*summary.output}
    lines = lines_in(summary)
    for line in lines:
        step_ = summary.calls[line]
        assert {name for _, name in step_.inputs} <= known, line
        assert step_.inputs
        known.add(step_.name)
    assert needed <= known
    for line in reversed(lines):
        if summary.calls[line].name in needed:
            needed.update(name for _, name in summary.calls[line].inputs)
    return needed & {*summary.variables}


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**6), rounds=st.integers(1, 8))
def test_no_depth_makes_a_cycle_or_loses_a_parameter(seed, rounds):
    summary = optimizer_of(any_program(seed, rounds)).summarize()
    nest, whole, before = Nest.of(summary), reached(summary), len(summary.graph) + 1
    for depth in nest.depths():
        part, note = nest.collapsed(depth)
        assert reached(part) == whole
        assert part.output == summary.output
        assert part.variables == summary.variables
        assert bool(note) == (len(part.graph) < len(summary.graph))
        assert len(part.graph) <= before
        before = len(part.graph)
        used = {name for step_ in part.calls.values() for _, name in step_.inputs}
        assert {*part.inputs} == {*summary.inputs} & used | ({*summary.inputs} & {*part.output})
        assert {*part.others} == {s.name for s in part.calls.values()} - {*part.output}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), rounds=st.integers(1, 8), share=st.floats(0.05, 1.0))
def test_any_program_of_modules_is_within_any_budget(seed, rounds, share):
    parameters = any_program(seed, rounds)
    whole = optimizer_of(parameters, 10**9)
    summary = whole.summarize()
    prompt = "\n\n".join(whole.construct_prompt(summary))
    optimizer = optimizer_of(parameters, max(1, int(share * Budget(1).count(prompt))))
    try:
        problem = optimizer.problem_instance(optimizer.summarize())
    except OptimizerError as error:
        assert "do not fit into a prompt" in str(error)  # noqa: PT017 - it may also not raise
        return
    for name in summary.variables:
        assert reaches(problem.code, name, {*summary.output}), name
    assert names_in(problem.variables) >= {*summary.variables}
    assert names_in(problem.outputs) & {*summary.output}
    assert unexplained(problem) == set()
