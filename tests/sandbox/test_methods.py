"""Methods of the user's in a worker, where they can do no harm and lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from opto.errors import ExecutionError
from opto.optimizers.proposal import Update
from opto.sandbox.methods import as_function, changes
from opto.trace import Module, bundle, node

SEEN = []


class Agent(Module):
    STEP = 10

    def __init__(self):
        self.factor, self.count, self.password = 3, 0, "hunter2hunter2"
        self.log = []
        self.prompt = node("Be kind")

    @bundle(trainable=True)
    def act(self, x):
        return x

    @bundle(trainable=True)
    async def later(self, x):
        return x

    def scaled(self, x):
        # With a helper of its own.
        return x * self.factor + self.shifted(x)

    def shifted(self, x):
        return x + self.STEP

    def ping(self, n):
        return n if n <= 0 else self.pong(n - 1)

    def pong(self, n):
        return n if n <= 0 else self.ping(n - 1)

    @staticmethod
    def half(x):
        return x / 2

    @property
    def double(self):
        return 2 * self.factor

    def leak(self):
        return self.password

    def counted(self):
        self.count += 1
        return self.count

    def noted(self, x):
        self.log.append(x)
        return len(self.log)

    def parent(self):
        return super().parameters()

    def everything(self):
        return dir(self)


def act(text, x=4, agent=None):
    agent = agent or Agent()
    Update.of({agent.act.parameter: f"def act(self, x):\n    {text}"}).apply()
    return agent.act(x)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("return self.scaled(x)", 26),
        ("return self.ping(5)", 0),
        ("return self.half(x)", 2),
        ("return self.double", 6),
        ("return list(map(self.shifted, [1, 2]))", [11, 12]),
        ("scaled = 1\n    return self.scaled(x) + scaled", 27),
        ("return 1 if x < 2 else x * self.act(x - 1)", 24),
    ],
)
def test_what_runs_in_a_worker(text, value):
    y = act(text)
    assert y.data == value
    assert y.info["sandbox"] != "none"


def test_recursion_may_be_as_deep_as_python_lets_it():
    assert act("return 0 if x == 0 else 1 + self.act(x - 1)", 200).data == 200
    agent = Agent()
    code = "async def later(self, x):\n    return 0 if x == 0 else 1 + await self.later(x - 1)"
    Update.of({agent.later.parameter: code}).apply()
    assert asyncio.run(agent.later(20)).data == 20


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("return self.counted()", "does not call it"),
        ("return self.noted(x)", "does not call it"),
        ("return self.parent()", "does not call it"),
        ("return self.everything()", "does not call it"),
        ("return self.leak()", "looks like a secret"),
    ],
)
def test_what_does_not(text, why):
    agent = Agent()
    with pytest.raises(ExecutionError) as raised:
        act(text, agent=agent)
    assert why in raised.value.exception_node.data
    assert (agent.count, agent.log) == (0, [])


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("self.a = 1", True),
        ("self.a.b += 1", True),
        ("del self.a", True),
        ("self.a[0] = 1", True),
        ("self.a['x'].append(1)", True),
        ("SEEN.append(1)", True),
        ("global SEEN", True),
        ("other = self.a", False),
        ("other = []; other.append(self.a)", False),
        ("return self.a.index(1)", False),
    ],
)
def test_what_changes_something(body, changed):
    assert changes(f"def f(self):\n    {body}", ("self", "SEEN")) == changed


def test_what_is_no_function_of_the_users():
    assert as_function(len, "f") is None
    assert as_function(Module.parameters, "f") is None
    assert as_function(Agent.shifted, "g").startswith("def g(self, x):")


def noted(x):
    SEEN.append(x)
    return len(SEEN)


@bundle(trainable=True)
def f(x):
    return noted(x)


def test_a_function_that_changes_a_global_does_so_in_the_program():
    SEEN.clear()
    Update.of({f.parameter: "def f(x):\n    return [noted(x), noted(x)]"}).apply()
    assert (f(1).data, SEEN) == ([1, 2], [1, 1])
