"""Programs that other processes import and run."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from functools import wraps

from opto.trace import Module, bundle, model, node
from tests.properties.strategies import FUNCTIONS, OPERATORS, mix, same, strict

# --- one step -------------------------------------------------------------------------


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def weighted(x, p):
    return scale(x) + p


def both(x, p):
    y = scale(x, p)
    return {"y": y, "parts": [y + 1, "plain"], "given": p}


def square(x):
    return x * x


def keep(value):
    return value


def read(nodes):
    return sum(n.data for n in nodes)


def raising(words):
    raise LookupError(words)


class PickyError(Exception):
    """Python pickles it and cannot read it back."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def raising_picky():
    raise PickyError(1, 2)


@bundle()
def divide(a, b):
    """Divide."""
    return a / b


@bundle(output_name="outer")
def nested_failure(a, b):
    return divide(a, b)


def chain(x, n):
    for _ in range(n):
        x = x + 1
    return x


async def waiting(x):
    await asyncio.sleep(0)
    return scale(x)


# --- modules ----------------------------------------------------------------------------


@model
class Agent:
    def __init__(self, prompt):
        self.prompt = node(prompt, name="prompt", trainable=True)
        self.calls = 0

    @bundle(trainable=True)
    def act(self, prompt, query):
        """Act."""
        return f"{prompt} {query}"

    @bundle()
    def shout(self, words):
        return words.upper()

    def __call__(self, query):
        self.calls += 1
        return self.shout(self.act(self.prompt, query))


def built_there(prompt):
    return Agent(prompt)("q")


class Shift(Module):
    def __init__(self):
        self.by = node(1, name="by", trainable=True)

    def forward(self, x):
        return x + self.by


class Tool:
    offset = node(1, name="offset", trainable=True)

    @staticmethod
    @bundle(trainable=True)
    def static(x):
        return x + 1

    @classmethod
    @bundle()
    def of_class(cls, x):
        return x * 2

    @property
    def level(self):
        return LEVEL * 1


class SubTool(Tool):
    def use(self, x):
        return self.static(x) + self.of_class(x) * self.offset + self.level


def use_a_tool(x):
    return SubTool().use(x)


# --- parameters that stand in this module ----------------------------------------------


@bundle(trainable=True)
def rule(x):
    """A rule."""
    return x + 1


@bundle(trainable=True)
def factorial(n):
    """n!"""
    return 1 if n < 2 else n * factorial(n - 1)


LEVEL = node(10, name="level", trainable=True)
TABLE = {"rules": [rule], "level": LEVEL}
SHIFT = Shift()


def by_name(x):
    return rule(x) * LEVEL


def slow_by_name(x):
    y = rule(x)
    time.sleep(0.001)
    return y * LEVEL


def by_table(x):
    return TABLE["rules"][0](x)


def by_table_and_name(x):
    return TABLE["rules"][0](x) + rule(x)


def by_module(x):
    return SHIFT(x)


def read_by_name(x):
    return x + LEVEL.data


def inside_import(x):
    from tests.support import remote

    return remote.rule(x)


def late_import(x):
    from tests.support.late import LATE

    return x + LATE


class Holder:
    def __init__(self):
        self.held = node(5, name="held", trainable=True)

    @bundle(trainable=True)
    def step(self, x):
        return x + 1


HOLDER = Holder()


class Hiding:
    """What is in slots is not looked at."""

    __slots__ = ("hidden",)

    def __init__(self):
        self.hidden = node(5, name="hidden", trainable=True)


HIDING = Hiding()


def by_attribute(x):
    return x + HOLDER.held


def by_slot(x):
    return x + HIDING.hidden


def by_slot_read(x):
    return x + HIDING.hidden.data


def added(amount):
    def decorate(function):
        @wraps(function)
        def inner(x, *, more=OFFSET):
            return function(x) + amount + more

        return inner

    return decorate


OFFSET = node(0, name="offset", trainable=True)
AMOUNTS = [node(2, name="amount", trainable=True)]


@added(AMOUNTS[0])
def decorated(x):
    return x * 10


def by_method(x):
    return HOLDER.step(x)


# --- what cannot travel, and what changes in place ---------------------------------------


@bundle()
def lock(x):
    return threading.Lock()


@bundle()
def held(lock, x):
    return (x, lock.acquire(blocking=False))


def past_a_lock(x):
    return held(lock(x), x)


def ends_with_a_lock(x):
    return lock(x)


def make_lock():
    return threading.Lock()


@bundle()
def push(items, x):
    items.append(x)
    return len(items)


def pushes(x):
    items = node([0], name="items")
    return push(items, x) + push(items, x)


def pushes_on(items, x):
    return push(items, x)


@bundle(traceable_code=True)
def inner(x):
    """Works on nodes."""
    return x * SHIFT.by + 1


@bundle()
def peek(x):
    return x + LEVEL.data


CLIENT = node(threading.Lock(), name="client")


def beside_a_client(x):
    return x + 1 if CLIENT is not None else x


@contextmanager
def restored(*parameters):
    """Parameters of this module, put back to what they were."""
    before = [p.data for p in parameters]
    try:
        yield
    finally:
        for parameter, value in zip(parameters, before, strict=True):
            parameter._set(value)


# --- random programs ---------------------------------------------------------------------

PLAIN = {operation.name: operation.run for operation in OPERATORS + FUNCTIONS}
BUNDLED = {f.__name__: bundle()(f) for f in (same, strict)} | {
    f"mix{n}": bundle()(mix) for n in (1, 2, 4)
}


@bundle(trainable=True)
def same_rule(a):
    return a


@bundle(trainable=True)
def strict_rule(a, b):
    if type(a) is not type(b):
        raise TypeError(f"{type(a).__name__} is not {type(b).__name__}")
    return [a, b]


EXTRA = node(2, name="extra", trainable=True)


@bundle(traceable_code=True)
def enclosed(a):
    """Works on nodes, and uses a parameter that it is not given."""
    return BUNDLED["mix2"](BUNDLED["strict"](a, a), EXTRA)


class Mixer(Module):
    def __init__(self):
        self.extra = node(3, name="extra", trainable=True)

    @bundle(trainable=True)
    def mix(self, extra, *values):
        return (len(values), extra, *values[:2])

    def forward(self, *values):
        return self.mix(self.extra, *values)


def run(steps, values, mixer):
    """Steps, each a form of an operation and the places of its operands; the last value."""
    values = list(values)
    for form, name, operands in steps:
        given = [values[i] for i in operands]
        if form == "mixer":
            values.append(mixer(*given))
        elif form == "enclosed":
            values.append(enclosed(given[0]))
        elif form == "rule" and name in ("same", "strict"):
            values.append({"same": same_rule, "strict": strict_rule}[name](*given))
        else:
            values.append(BUNDLED.get(name, PLAIN[name])(*given))
    return values[-1]
