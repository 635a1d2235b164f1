"""How arguments bind, and every kind of function (SPEC 3.4, 3.8, A9)."""

from __future__ import annotations

import asyncio
import functools
import sys
import types
from collections.abc import Generator

import pytest

from opto.trace import bundle, node
from opto.trace.nodes import MessageNode


def everything(a, b=2, /, c=3, *args, d, e=5, **kwargs):
    return (a, b, c, args, d, e, kwargs)


def positional(a, b=2, /):
    return a, b


def keywords(*, d, e=5):
    return d, e


def rest(*args, **kwargs):
    return args, kwargs


CALLS = [
    (everything, (1,), {"d": 4}, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}),
    (
        everything,
        (1, 7, 8, 9, 10),
        {"d": 4, "x": 6},
        {"a": 1, "b": 7, "c": 8, "args_0": 9, "args_1": 10, "d": 4, "e": 5, "x": 6},
    ),
    (everything, (1,), {"d": 4, "c": 0, "b": 9}, {"a": 1, "c": 0, "d": 4, "e": 5}),
    (positional, (1,), {}, {"a": 1, "b": 2}),
    (positional, (1, 3), {}, {"a": 1, "b": 3}),
    (keywords, (), {"d": 1}, {"d": 1, "e": 5}),
    (keywords, (), {"e": 1, "d": 0}, {"d": 0, "e": 1}),
    (rest, (), {}, {}),
    (rest, (1, 2), {"k": 3}, {"args_0": 1, "args_1": 2, "k": 3}),
]


@pytest.mark.parametrize("wrapped", [False, True], ids=["raw", "nodes"])
@pytest.mark.parametrize(("fun", "args", "kwargs", "inputs"), CALLS)
def test_arguments_bind_as_in_python(fun, args, kwargs, inputs, wrapped: bool):
    make = node if wrapped else (lambda v: v)
    y = bundle()(fun)(*map(make, args), **{k: make(v) for k, v in kwargs.items()})
    assert y.data == fun(*args, **kwargs)
    found = {name: n.data for name, n in y.inputs.items()}
    assert {name: found[name] for name in inputs} == inputs


def test_a09_a_positional_only_default_is_an_input():
    y = bundle()(positional)(1)
    assert (y.data, [n.name for n in y.parents]) == ((1, 2), ["a:0", "b:0"])


def test_inputs_stand_in_the_order_of_the_signature():
    y = bundle()(everything)(1, e=6, d=4)
    assert list(y.inputs) == ["a", "b", "c", "d", "e"]


def test_raw_values_are_named_after_their_parameters_and_nodes_keep_their_names():
    f = bundle()(lambda first, second, *more: 0)
    y = f(1, node(2, name="mine"), 3)
    assert [n.name for n in y.parents] == ["first:0", "mine:0", "int:0"]


@pytest.mark.parametrize(
    ("fun", "args", "kwargs"),
    [
        (positional, (), {}),
        (positional, (1, 2, 3), {}),
        (positional, (), {"a": 1}),
        (keywords, (1,), {"d": 1}),
        (keywords, (), {}),
        (keywords, (), {"d": 1, "z": 1}),
    ],
)
def test_what_does_not_bind_is_a_type_error_at_the_call(fun, args, kwargs):
    with pytest.raises(TypeError):
        bundle()(fun)(*args, **kwargs)


def test_parameters_may_have_the_names_that_the_library_uses():
    def f(self, fun, args, kwargs, data, name, inputs, node=0):
        return self + fun + args + kwargs + data + name + inputs

    keys = ["self", "fun", "args", "kwargs", "data", "name", "inputs"]
    assert bundle()(f)(**dict.fromkeys(keys, 1)).data == 7


def test_a_mutable_default_is_the_same_object_in_each_call():
    def remember(v, seen=[]):  # noqa: B006 - Python's own behaviour is what is compared
        seen.append(v)
        return len(seen)

    f = bundle()(remember)
    assert [f(1).data, f(1).data] == [1, 2]


def test_a_default_may_be_a_parameter():
    weight = node(3, trainable=True)

    @bundle()
    def f(v, w=weight):
        return v * w

    y = f(2)
    assert y.data == 6
    assert y.parameter_dependencies == {weight}


# --- closures, decorators -------------------------------------------------------------------------


def test_a_closure_sees_its_variables_as_they_are_now():
    by = 1

    @bundle()
    def f(v):
        return v + by

    assert f(1).data == 2
    by = 10
    assert f(1).data == 11


def test_a_closure_may_write_its_variables():
    count = 0

    @bundle()
    def f(v):
        nonlocal count
        count += 1
        return v

    f(1)
    f(1)
    assert count == 2


def twice(fun):
    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        return fun(*args, **kwargs) * 2

    return wrapped


def test_decorators_below_and_above():
    @bundle()
    @twice
    @twice
    def below(v, k=1):
        return v + k

    @twice
    @bundle()
    def above(v, k=1):
        return v + k

    assert below(2).data == 12
    assert list(below(2).inputs) == ["v", "k"]
    assert above(2).data == 6
    assert above(2).op_name == "multiply"


def test_bundles_may_be_stacked():
    @bundle("[outer] o")
    @bundle("[inner] i")
    def f(v):
        return v + 1

    x = node(1, trainable=True)
    y = f(x)
    assert (y.data, y.op_name, y.parameter_dependencies) == (2, "outer", {x})


# --- recursion ------------------------------------------------------------------------------------


@bundle()
def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)


@bundle()
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


@bundle()
def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@bundle(overwrite_python_recursion=True)
def plain_fibonacci(n):
    if n < 2:
        return n
    left, right = plain_fibonacci(n - 1), plain_fibonacci(n - 2)
    assert type(left) is type(right) is int
    assert type(the_module_still_has()) is not types.FunctionType
    return left + right


def the_module_still_has():
    return plain_fibonacci


def test_recursion_direct_and_mutual():
    x = node(5, trainable=True)
    y = factorial(x)
    assert (y.data, y.parameter_dependencies) == (120, {x})
    assert is_even(node(10)).data is True
    assert is_odd(10).data is False


def test_recursion_on_plain_values():
    x = node(10, trainable=True)
    y = plain_fibonacci(x)
    assert (y.data, y.parents) == (55, [x])
    assert y.name == "plain_fibonacci:0"
    assert plain_fibonacci(10).name == "plain_fibonacci:1"  # no inner call was recorded


def test_recursion_on_plain_values_in_a_closure():
    @bundle(overwrite_python_recursion=True)
    def down(n):
        inner = down(n - 1) if n else 0
        assert type(inner) is int
        return inner + 1

    assert down(3).data == 4
    assert isinstance(down(0), MessageNode)


def test_b04_a11_recursion_needs_no_tracing_of_frames():
    seen = []

    @bundle(overwrite_python_recursion=True, catch_execution_error=False)
    def down(n):
        seen.append(sys.gettrace())
        if n == 0:
            raise ValueError("end")
        return down(n - 1)

    before = sys.gettrace()
    with pytest.raises(ValueError, match="end"):
        down(2)
    assert sys.gettrace() is before
    assert all(tracer is before for tracer in seen)


# --- async, generators, code from nowhere ---------------------------------------------------------


def test_an_async_function_gives_a_node_when_awaited():
    @bundle()
    async def later(v, k=2):
        await asyncio.sleep(0)
        return v * k

    async def run():
        x = node(3, trainable=True)
        waiting = later(x)
        assert not isinstance(waiting, MessageNode)
        y = await waiting
        return y, x

    y, x = asyncio.run(run())
    assert isinstance(y, MessageNode)
    assert (y.data, y.name, y.parameter_dependencies) == (6, later.name + ":0", {x})


def test_the_value_of_a_generator_is_a_generator():
    @bundle()
    def count(n):
        yield from range(n)

    x = node(3)
    y = count(x)
    assert isinstance(y.data, Generator)
    assert list(y.data) == [0, 1, 2]
    assert y.parents == [x]


@pytest.mark.parametrize(
    "text",
    [
        "from opto.trace import bundle\n@bundle()\ndef f(v, k=2):\n    return v * k\n",
        "from opto.trace import bundle\nf = bundle()(lambda v, k=2: v * k)\n",
    ],
)
def test_code_without_a_file_can_be_bundled(text: str):
    space: dict = {}
    exec(text, space)
    x = node(3, trainable=True)
    y = space["f"](x)
    assert (y.data, y.parameter_dependencies) == (6, {x})
    assert list(y.inputs) == ["v", "k"]


def test_a_function_that_has_its_own_text_again_is_called_as_before():
    @bundle(trainable=True)
    def same(x):
        return x

    before = same.__call__.__qualname__
    same.parameter._set("def same(x):\n    return x")
    assert same(1).data == 1
    assert same.__call__.__qualname__ == before
