"""Prompts of programs of any size, and a reader of them that knows nothing but the text."""

from __future__ import annotations

import re

from opto.llm import ScriptedLLM
from opto.optimizers import OptoPrime
from opto.optimizers.fit import Budget
from opto.trace import bundle, node

LINE = re.compile(r"(?P<name>\S+) = (?P<op>[^( ]+)\((?P<inputs>.*)\)")
BRIDGE = re.compile(
    r"\.\.\. from (?P<sources>.*) to (?P<target>\S+): (in one step|[0-9,]+.* left out \(.*\))"
)
GAP = re.compile(r"\.\.\. [0-9,]+ arguments?: (.*?) \.\.\.(?:, |$)")

join = bundle("[join] all of them")(lambda *values: 0)
step = bundle("[step] one step")(lambda x, p: x)
grade = bundle("[grade] right or wrong")(lambda x: x)


def parameter(value=1, name="x"):
    return node(value, name=name, trainable=True)


def optimizer_of(parameters, budget=None, kind=OptoPrime, **more):
    return kind(parameters, llm=ScriptedLLM([]), token_budget=budget, **more)


def fit(parameters, budget=None, **more):
    """The problem and the prompt of a program that feedback was given on."""
    optimizer = optimizer_of(parameters, budget, **more)
    summary = optimizer.summarize()
    problem = optimizer.problem_instance(summary)
    prompt = "\n\n".join(optimizer._words(problem, optimizer.memory))
    assert str(problem) in prompt
    if budget is not None:
        assert Budget(budget).count(prompt) <= budget
    return problem


def expanded(text):
    """The names of which ranges are short for."""
    for part in text.split(", "):
        first, to, last = part.partition(" to ")
        if not to:
            yield first
            continue
        prefix = first.rstrip("0123456789")
        for number in range(int(first[len(prefix) :]), int(last[len(prefix) :]) + 1):
            yield f"{prefix}{number}"


def links(code):
    """What follows on each name."""
    found = {}
    for line in code.splitlines():
        bridge = BRIDGE.fullmatch(line)
        if bridge:
            for name in expanded(bridge["sources"]):
                found.setdefault(name, set()).add(bridge["target"])
        elif not line.startswith("..."):
            match = LINE.fullmatch(line)
            seen = [g.partition("left out: ")[0].rstrip("; ") for g in GAP.findall(match["inputs"])]
            names = [n for text in seen if text for n in expanded(text)]
            rest = GAP.sub("", match["inputs"])
            names += [piece.partition("=")[2] for piece in rest.split(", ") if piece]
            for name in names:
                if not name.endswith("[left out]"):
                    found.setdefault(name, set()).add(match["name"])
    return found


def reaches(code, source, targets):
    """Whether the lines lead from a name to one of others."""
    onward, seen, stack = links(code), set(), [source]
    while stack:
        name = stack.pop()
        if name in targets:
            return True
        if name not in seen:
            seen.add(name)
            stack += onward.get(name, ())
    return False


def names_in(section):
    return set(re.findall(r"^\([\w ]+\) (\S+?)[=:]", section, re.MULTILINE))


def unexplained(problem):
    """Names that lines use, and that stand nowhere."""
    known = set()
    for section in (problem.variables, problem.inputs, problem.outputs):
        known |= names_in(section)
    lines = [line for line in problem.code.splitlines() if not line.startswith("...")]
    return set(links(problem.code)) - known - {line.partition(" = ")[0] for line in lines}


def told(problem, parameters, outputs):
    """All parameters, an output and the ways between them are in the problem."""
    ends = {o.py_name for o in outputs}
    assert names_in(problem.variables) == {p.py_name for p in parameters}
    assert names_in(problem.outputs)
    assert names_in(problem.outputs) <= ends
    for p in parameters:
        assert reaches(problem.code, p.py_name, ends), p.py_name
    assert unexplained(problem) == set()
