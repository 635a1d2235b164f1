"""Random programs of functions and modules: every way to give arguments, state, changes in place.

The traced classes are made of the plain ones, so that what is compared is one text.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import Module, Node, bundle, model, node, stop_tracing
from opto.trace.nodes import MessageNode
from opto.trace.utils import sum_feedback
from tests.properties.oracle import check, in_order, reference, upstream
from tests.properties.strategies import plain_values, small

# --- the plain world ------------------------------------------------------------------------------


def gather(first, second=2, /, third=3, *rest, scale=1, **named):
    """Every kind of parameter."""
    return [first, second, third, *rest, scale, sorted(named)]


def keep(items, item, times=1):
    """Changes a list in place."""
    for _ in range(times):
        items.append(item)
    return len(items)


def put(table, key, value=0):
    """Changes a dict in place, and gives it back."""
    table[key] = value
    return table


def divide(a, *, by):
    """Fails in many ways."""
    return a // by


class Plain:
    """Has state, a weight, and may have another of its kind inside."""

    def __init__(self, weight, inner=None):
        self.weight = weight
        self.inner = inner
        self.calls = 0

    def shift(self, value, by=1, *rest, scale=2, **named):
        """Counts its calls in its state."""
        self.calls = self.calls + 1
        return [value, by, len(rest), scale, sorted(named.items()), self.calls]

    def checked(self, value, kind=int):
        """Refuses what is of another type."""
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    @classmethod
    def named(cls, value):
        """A class method."""
        return [cls.__name__.removesuffix("Traced"), value]

    @staticmethod
    def pair(left, right=None):
        """A static method."""
        return [left, right]

    def forward(self, value, by=5):
        """Made of the others; not recorded itself."""
        inside = value if self.inner is None else self.inner.forward(value)
        return self.pair(self.shift(inside, by=by), right=self.weight)


class Traced(Module):
    """The same, recorded; two of its methods have code that can be trained."""

    __init__ = Plain.__init__
    forward = Plain.forward
    shift = bundle()(Plain.shift)
    checked = bundle(trainable=True)(Plain.checked)
    named = bundle()(Plain.__dict__["named"])
    pair = bundle(trainable=True)(Plain.__dict__["pair"])


@model
class TracedModel:
    """The same by decorating a class."""

    __init__ = Plain.__init__
    forward = Plain.forward
    shift = bundle(trainable=True)(Plain.shift)
    checked = bundle()(Plain.checked)
    named = bundle()(Plain.__dict__["named"])
    pair = bundle()(Plain.__dict__["pair"])


Traced.__name__ = TracedModel.__name__ = "Plain"
FUNCTIONS = {f.__name__: f for f in (gather, keep, put, divide)}
BUNDLED = {
    "gather": bundle(trainable=True)(gather),
    "keep": bundle()(keep),
    "put": bundle()(put),
    "divide": bundle()(divide),
}
CHANGING = ("keep", "put")
METHODS = ("shift", "checked", "named", "pair", "forward", "__call__")

# --- programs -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A call, of a function or of a method of one of the modules.

    Args:
        what: the name of the function or method.
        module: which module; None for a function.
        args: the places of the values that are given by position.
        kwargs: the places of those that are given by keyword.
    """

    what: str
    module: int | None
    args: tuple[int, ...]
    kwargs: dict[str, int]


def worlds(weights: list[Any]) -> tuple[list[Any], list[Any], list[Node]]:
    """Plain modules, traced modules, and the parameters of those.

    The third contains the first; the second and the third share a parameter.
    """
    plain = [Plain(weights[0]), Plain(weights[1])]
    plain.append(Plain(weights[1], plain[0]))
    own, shared = node(weights[0], trainable=True), node(weights[1], trainable=True)
    traced: list[Any] = [Traced(own), TracedModel(shared)]
    traced.append(Traced(shared, traced[0]))
    found = [p for m in traced for p in m.parameters()]
    codes = [f.parameter for f in BUNDLED.values() if f.parameter is not None]
    for code in (*codes, Traced.pair.parameter):
        code.zero_feedback()
    return plain, traced, list(dict.fromkeys([*found, *codes, Traced.pair.parameter]))


def target(call: Call, functions: dict[str, Any], modules: list[Any]) -> Any:
    if call.module is None:
        return functions[call.what]
    module = modules[call.module]
    if call.what == "__call__":
        return module if isinstance(module, Module) else module.forward
    return getattr(module, call.what)


def given_to(call: Call, values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    many = len(values)
    return [values[i % many] for i in call.args], {
        key: values[i % many] for key, i in call.kwargs.items()
    }


def suited(call: Call, values: list[Any]) -> Call:
    """The call, with something that can be changed where it changes something."""
    kind = {"keep": list, "put": dict}.get(call.what)
    fit = [i for i, value in enumerate(values) if type(value) is kind]
    if not fit:
        return call
    return replace(call, args=(fit[call.args[0] % len(fit)], *call.args[1:]))


# Of each: how many arguments it must have, how many more by position, and by which keywords.
# Some of them do not fit, and are refused by both worlds.
SHAPES = {
    "gather": (1, 4, ["third", "scale", "x", "y"]),
    "keep": (2, 1, ["times"]),
    "put": (2, 1, ["value"]),
    "divide": (1, 0, ["by"]),
    "shift": (1, 3, ["by", "scale", "x", "value"]),
    "checked": (1, 0, []),
    "named": (1, 0, []),
    "pair": (1, 1, ["right"]),
    "forward": (1, 1, ["by"]),
    "__call__": (1, 1, ["by"]),
}


places = st.integers(0, 99)


def calls(what: str) -> st.SearchStrategy[Call]:
    needed, more, names = SHAPES[what]
    args = st.lists(places, min_size=needed, max_size=needed + more).map(tuple)
    names = st.sampled_from([*names] * 4 + ["z"])
    kwargs = st.dictionaries(names, places, max_size=1 + more // 2)
    module = st.integers(0, 2) if what in METHODS else st.none()
    return st.builds(Call, st.just(what), module, args, kwargs)


programs = st.lists(st.one_of(*map(calls, SHAPES)), min_size=1, max_size=10)


def perform(function: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, str]:
    """The result of a call, or None or its exception node; and how it failed, if it did."""
    try:
        return function(*args, **kwargs), ""
    except ExecutionError as error:
        return error.exception_node, error.exception_node.data
    except Exception as error:  # noqa: BLE001 - whatever is raised is compared
        return None, f"({type(error).__name__}) {error}"


def value_of(value: Any) -> Any:
    return value.data if isinstance(value, Node) else value


def same_failure(found: str, expected: str) -> bool:
    """Arguments that do not fit are refused in words of our own."""
    if "()" in expected and expected.startswith("(TypeError)"):
        return found.startswith("(TypeError)")
    return found == expected


def would_hold_itself(call: Call, values: list[Any]) -> bool:
    args, kwargs = given_to(call, values)
    inside = [*args[1:], *kwargs.values()]
    return call.what in CHANGING and any(isinstance(value, (list, dict)) for value in inside)


class Run:
    """A program on its way, in both worlds."""

    def __init__(self, inputs: list[tuple[Any, str]], weights: list[Any]) -> None:
        made = {"parameter": lambda v: node(v, trainable=True), "node": node, "raw": lambda v: v}
        self.plain: list[Any] = [copy.deepcopy(value) for value, _ in inputs]
        self.traced: list[Any] = [made[kind](copy.deepcopy(value)) for value, kind in inputs]
        self.modules, self.recorded, self.parameters = worlds(weights)
        self.parameters += [v for v in self.traced if getattr(v, "trainable", False)]
        self.failed: list[Node] = []

    def step(self, call: Call) -> None:
        call = suited(call, self.plain)
        if would_hold_itself(call, self.plain):
            return
        expected, failure = perform(
            target(call, FUNCTIONS, self.modules), *given_to(call, self.plain)
        )
        result, words = perform(target(call, BUNDLED, self.recorded), *given_to(call, self.traced))
        assert same_failure(words, failure)
        event(f"{call.what} {'fails' if failure else 'works'}")
        if failure:
            self.failed += [result] if isinstance(result, Node) else []
        elif small(expected):
            self.plain.append(expected)
            self.traced.append(result)

    def compare(self) -> None:
        found = [value_of(v) for v in self.traced]
        assert [repr(v) for v in found] == [repr(v) for v in self.plain]
        assert found == self.plain
        assert [m.calls for m in self.recorded] == [m.calls for m in self.modules]

    def program(self, program: list[Call]) -> Run:
        for call in program:
            self.step(call)
        return self


weights = st.lists(plain_values, min_size=2, max_size=2)
inputs = st.lists(
    st.tuples(plain_values, st.sampled_from(["parameter", "node", "raw"])), min_size=1, max_size=4
)
runs = st.builds(lambda program, *given: Run(*given).program(program), programs, inputs, weights)


@given(runs)
def test_values_exceptions_and_state_are_those_of_python(run: Run):
    run.compare()


@given(runs, st.data())
def test_feedback_reaches_words_code_and_shared_parameters_as_the_definition_says(run: Run, data):
    outputs = [v for v in (*run.traced, *run.failed) if isinstance(v, MessageNode)]
    if not outputs:
        return
    output = data.draw(st.sampled_from(outputs))
    assert output.parameter_dependencies == upstream(output) & set(run.parameters)
    output.backward("f")
    check(run.parameters, output)
    total = sum_feedback(run.parameters)
    heard = [p for p in run.parameters if p in upstream(output)]
    assert set(total.nodes) == set().union(*(reference(p, output) for p in heard))
    in_order(total)


@given(st.data())
def test_without_tracing_modules_do_the_same(data):
    with stop_tracing():
        run = data.draw(runs)
        run.compare()
    results = [v for v in (*run.traced, *run.failed) if isinstance(v, MessageNode)]
    assert all(v.parents == [] for v in results)
