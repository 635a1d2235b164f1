"""Code as a parameter (SPEC 3.2, 3.6, A8, A14; performance.md 7)."""

from __future__ import annotations

import asyncio
import inspect
import linecache
import traceback

import pytest

from opto import trace
from opto.errors import ExecutionError, SourceError
from opto.trace import bundle, node
from opto.trace import bundle as other_name
from opto.trace.nodes import ExceptionNode, ParameterNode
from opto.trace.utils import sum_feedback

DEFINITIONS: list[str] = []
FACTOR = 3


@bundle(trainable=True)
def double(v, k=2):
    """Twice as much."""
    return v * k


@pytest.fixture
def doubling():
    """`double`, put back after a test that rewrites its code."""
    before = double.parameter.data
    yield double
    double.parameter._data = before
    double.parameter.zero_feedback()


def code(fun, text: str):
    fun.parameter._data = text
    return fun


def told(parameter: ParameterNode) -> str:
    """All that an optimizer is told about the parameter besides its value."""
    return f"{parameter.description or ''}\n{parameter.constraint or ''}"


# --- the parameter --------------------------------------------------------------------------------


def test_the_source_is_the_parameter(doubling):
    p = doubling.parameter
    assert type(p) is ParameterNode
    assert p.data == 'def double(v, k=2):\n    """Twice as much."""\n    return v * k'
    assert p.name.split(":")[0] == "__code"
    assert doubling.trainable is True
    assert [q is p for q in doubling.parameters()] == [True]
    assert 'def double(v, k=2):\n    """Twice as much."""' in told(p)


def test_the_code_is_an_input_of_each_result(doubling):
    x = node(4, trainable=True)
    y = doubling(x)
    assert (y.data, y.name) == (8, "eval:0")
    assert y.inputs["__code"] is doubling.parameter
    assert y.parameter_dependencies == {x, doubling.parameter}
    y.backward("fine")
    assert sum_feedback([doubling.parameter]).user_feedback == "fine"


def test_an_output_name_names_the_result():
    @bundle(trainable=True, output_name="answer")
    def f(v):
        return v

    assert f(1).name == "answer:0"


def test_new_code_is_used_from_the_next_call_on(doubling):
    code(doubling, "def double(v, k=2):\n    return v * k + 1")
    assert doubling(4).data == 9
    assert doubling.fun(4) == 9
    doubling.parameter._set("def double(v, k=2):\n    return v")
    assert doubling(4).data == 4


def test_new_code_sees_the_module(doubling):
    code(doubling, "def double(v, k=2):\n    return v * FACTOR * len([v])")
    assert doubling(4).data == 12


def test_helpers_and_imports_in_the_code(doubling):
    code(
        doubling,
        "import math\nfrom functools import reduce\nBASE = 100\n"
        "def helper(v):\n    return math.floor(v) + BASE\n"
        "def double(v, k=2):\n    return reduce(max, [helper(v), after(v)])\n"
        "def after(v):\n    return -v\n",
    )
    assert doubling(4.5).data == 104


def test_helpers_do_not_leak_into_the_module(doubling):
    code(doubling, "def leaked():\n    return 1\ndef double(v, k=2):\n    return leaked()")
    assert doubling(4).data == 1
    assert "leaked" not in globals()


def test_recursion_of_the_code_runs_plain(doubling):
    code(
        doubling,
        "def double(v, k=2):\n"
        "    rest = double(v - 1, k) if v else 0\n"
        "    assert type(rest) is int\n"
        "    return rest + k",
    )
    assert doubling(3).data == 8
    assert doubling(0).name == "eval:1"


def test_a_class_and_a_decorator_in_the_code(doubling):
    code(
        doubling,
        "def plus(fun):\n    return lambda *a, **k: fun(*a, **k) + 1\n"
        "class Box:\n    def __init__(self, v):\n        self.v = v\n"
        "@plus\ndef double(v, k=2):\n    return Box(v).v",
    )
    assert doubling(4).data == 5


def test_code_is_defined_once_for_each_text(doubling):
    DEFINITIONS.clear()
    code(doubling, "DEFINITIONS.append(1)\ndef double(v, k=2):\n    return v")
    for _ in range(3):
        doubling(1)
    assert DEFINITIONS == [1]


def test_a_closure_is_seen_by_its_code():
    by, unused = 10, 5

    @bundle(trainable=True)
    def f(v):
        return v + by

    assert f(1).data == 11
    assert code(f, "def f(v):\n    return v * by")(2).data == 20
    assert unused == 5


def test_one_function_bundled_twice_has_two_codes():
    def f(v):
        return v

    one, two = bundle(trainable=True)(f), bundle(trainable=True)(f)
    code(one, "def f(v):\n    return v + 1")
    assert (one(1).data, two(1).data, f(1)) == (2, 1, 1)


def test_code_may_call_other_bundles_and_read_their_results(doubling):
    code(doubling, "def double(v, k=2):\n    return shout(v).data + 1")
    x = node(1, trainable=True)
    y = doubling(x)
    assert y.data == 11
    assert x in y.parameter_dependencies


@bundle()
def shout(v):
    return v * 10


def test_async_code():
    @bundle(trainable=True)
    async def later(v):
        await asyncio.sleep(0)
        return v + 1

    y = asyncio.run(later(1))
    assert y.data == 2
    assert y.inputs["__code"] is later.parameter
    code(later, "import asyncio\nasync def later(v):\n    await asyncio.sleep(0)\n    return v * 9")
    assert asyncio.run(later(2)).data == 18


def test_code_can_be_inspected_and_its_traceback_shows_lines(doubling):
    code(doubling, "def double(v, k=2):\n    return 1 / (v - v)")
    assert "1 / (v - v)" in inspect.getsource(doubling.fun)
    with pytest.raises(ExecutionError, match=r"return 1 / \(v - v\)"):
        doubling(4)


# --- code that is wrong ---------------------------------------------------------------------------

BROKEN = [
    ("def double(v, k=2)\n    return v", "SyntaxError"),
    ("def double(v, k=2):\nreturn v", "IndentationError"),
    ("def double(v, k=2):\n    return v\nprint(undefined_thing)", "NameError"),
    ("def double(v, k=2):\n    return v\nassert False", "AssertionError"),
    ("import a_module_that_is_not_there\ndef double(v, k=2):\n    return v", "ModuleNotFoundError"),
]


@pytest.mark.parametrize(("text", "kind"), BROKEN)
def test_code_that_cannot_be_defined_is_an_output_of_the_program(doubling, text, kind):
    p = code(doubling, text).parameter
    with pytest.raises(ExecutionError) as caught:
        doubling(4)
    failed = caught.value.exception_node
    assert isinstance(failed, ExceptionNode)
    assert failed.data.startswith(f"({kind})")
    assert failed.parents == [p]
    assert failed.name.startswith(f"exception_{p.py_name}:")
    assert kind in failed.info["traceback"]
    failed.backward(failed.create_feedback("full"))
    assert kind in str(sum_feedback([p]).user_feedback)


@pytest.mark.parametrize("text", ["", "x = 1", "def renamed(v, k=2):\n    return v", "lambda v: v"])
def test_code_without_the_function_says_so(doubling, text: str):
    code(doubling, text)
    with pytest.raises(ExecutionError, match="double") as caught:
        doubling(4)
    assert doubling.parameter in caught.value.exception_node.parents


@pytest.mark.parametrize("value", [None, 7, ["def double(v): pass"]])
def test_code_that_is_no_text_is_an_output_of_the_program(doubling, value):
    code(doubling, value)
    with pytest.raises(ExecutionError) as caught:
        doubling(4)
    assert doubling.parameter in caught.value.exception_node.parents


def test_code_whose_signature_no_longer_fits_is_an_output_of_the_program(doubling):
    code(doubling, "def double(a, b, c, d):\n    return a")
    with pytest.raises(ExecutionError) as caught:
        doubling(4)
    failed = caught.value.exception_node
    assert failed.data.startswith("(TypeError)")
    assert doubling.parameter in failed.parents


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("assert v > 10", "AssertionError"),
        ("raise ValueError", "ValueError"),
        ("raise StopIteration", "StopIteration"),
        ("raise MemoryError", "MemoryError"),
        ("return undefined_thing", "NameError"),
        ("return double(v, k)", "RecursionError"),
    ],
)
def test_a02_code_that_fails_when_called(doubling, body: str, kind: str):
    code(doubling, f"def double(v, k=2):\n    {body}")
    with pytest.raises(ExecutionError) as caught:
        doubling(4)
    failed = caught.value.exception_node
    assert failed.data.startswith(f"({kind})")
    assert doubling.parameter in failed.parents
    assert body in failed.create_feedback("full")


def test_after_an_error_better_code_works(doubling):
    code(doubling, "def double(v, k=2):\n    return (")
    with pytest.raises(ExecutionError):
        doubling(4)
    code(doubling, "def double(v, k=2):\n    return v")
    assert doubling(4).data == 4


# --- reading the source ---------------------------------------------------------------------------


@other_name(trainable=True)
def under_another_name(v):
    return v + 1


@trace.bundle(trainable=True)
def under_a_path(v):
    return v + 1


@bundle(description="[odd] a ( parenthesis and @bundle( in the words", trainable=True)
def with_odd_words(v):
    return v + 1


@bundle(
    trainable=True,
    description="[many] lines",
)
# a comment between
def with_many_lines(
    v,
    k: int = 1,
):
    return v + k


def keep(fun):
    return fun


class Holder:
    @bundle(trainable=True)
    @keep
    def method(self, v):
        return v + 1


@pytest.mark.parametrize(
    "fun", [under_another_name, under_a_path, with_odd_words, with_many_lines, Holder().method]
)
def test_a14_the_source_is_found_however_it_is_decorated(fun):
    text = fun.parameter.data
    assert "bundle" not in text
    assert "def " in text
    assert fun(1).data == 2
    fun.parameter._data = text.replace("v +", "10 * v +")
    assert fun(1).data == 11
    fun.parameter._data = text


def test_a08_a_signature_of_many_lines_without_a_docstring():
    text = told(with_many_lines.parameter)
    assert "k: int = 1" in text
    assert "return" not in text


# fmt: off
@bundle(trainable=True)
def single_quoted(v):
    "Says something."
    rest = """not the docstring"""
    return v, rest
# fmt: on


def test_a08_the_signature_ends_with_the_docstring():
    text = told(single_quoted.parameter)
    assert "def single_quoted(v):" in text
    assert "Says something." in text
    assert "not the docstring" not in text


def test_source_that_cannot_be_read_says_what_to_do():
    space = {"bundle": bundle}
    with pytest.raises(SourceError) as caught:
        exec("@bundle(trainable=True)\ndef typed(v):\n    return v + 1\n", space)
    assert "typed" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_code_typed_in_a_session_that_keeps_its_lines_can_be_trained():
    text = "@bundle(trainable=True)\ndef typed(v):\n    return v + 1\n"
    name = "<session 7>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"bundle": bundle, "__name__": "__main__"}
    exec(compile(text, name, "exec"), space)
    typed = space["typed"]
    assert typed.parameter.data == "def typed(v):\n    return v + 1"
    assert typed(1).data == 2


def test_the_traceback_of_new_code_names_the_function(doubling):
    code(doubling, "def double(v, k=2):\n    raise KeyError('k')")
    with pytest.raises(ExecutionError) as caught:
        doubling(4)
    assert "in double" in str(caught.value)
    assert "KeyError: 'k'" in "".join(traceback.format_exception(caught.value))
