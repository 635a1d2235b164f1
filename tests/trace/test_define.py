"""New code in the place of the old (SPEC 3.6)."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import linecache
import traceback
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import SourceError
from opto.trace.define import define
from opto.trace.source import source_of
from tests.support.builds import frees_code

FACTOR = 2


def f(x):
    return x * FACTOR


def bundle(*words):
    return lambda fun: None


bundle.__module__ = "opto.trace.bundle"


def plus(n):
    return lambda fun: lambda *args: fun(*args) + n


# -- what the code may hold ---------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("def f(x): return x + 1", 4),
        ("def helper(x): return x + 1\ndef f(x): return helper(x)", 4),
        ("def f(x): return helper(x)\ndef helper(x): return x + 1", 4),
        ("import math\ndef f(x): return math.floor(x)", 3),
        ("from math import *\ndef f(x): return floor(ceil(x))", 3),
        ("from os.path import *\ndef f(x): return join('a', str(x))", "a/3"),
        ("BASE = 7\ndef f(x): return x + BASE", 10),
        ("class Box:\n    def __init__(self, v): self.v = v\ndef f(x): return Box(x).v", 3),
        ("@plus(1)\n@plus(10)\ndef f(x): return x", 14),
        ("@bundle('(')\ndef f(x): return x", 3),
        ("@plus(5)\n@bundle()\n@plus(1)\ndef f(x): return x", 4),
        ("from functools import cache\n@cache\ndef f(x): return x", 3),
        ("@staticmethod\ndef f(x): return x", 3),
        ("f = lambda x: x + 5", 8),
        ("def f(x): return f(x - 1) + 1 if x else 0", 3),
        ("def f(x): return 1\ndef f(x): return 2", 2),
        ("def f(x):\n    return '''\n  kept\n'''", "\n  kept\n"),
        ("def make(x): return x\ndef f(x): return make(x)", 3),
        ("from __future__ import annotations\ndef f(x: Unknown) -> Nothing: return x", 3),
        ("def f(x, /, *a, k=FACTOR, **o): return (x, a, k, o)", (3, (), 2, {})),
        ("def f(x): return [y * FACTOR for y in range(x)]", [0, 2, 4]),
        ("def f(x): return sorted(g(x))\ndef g(x): yield from (x, 1)", [1, 3]),
        (
            "try:\n    import absent\nexcept ImportError:\n    absent = 9\ndef f(x): return absent",
            9,
        ),
        ("if FACTOR == 2:\n    def f(x): return 'two'\nelse:\n    def f(x): return 'more'", "two"),
        ("def f(x):\n    global FACTOR\n    return FACTOR", 2),
        ("_ = 4\ndef f(x): return _", 4),
        ("def f(x): return __name__", __name__),
        ("# nothing\r\ndef f(x):\r\n    return x\r\n", 3),
    ],
)
def test_code_that_works(text: str, result: object) -> None:
    before = set(globals())
    assert define(text, "f", f)(3) == result
    assert set(globals()) == before


def test_async_functions_and_generators() -> None:
    later = define("import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x", "f")
    assert asyncio.run(later(3)) == 3
    assert list(define("def f(x):\n    yield x\n    yield x", "f")(3)) == [3, 3]


def test_without_a_place_there_are_only_builtins() -> None:
    assert define("def f(x): return max(x, 0)", "f")(3) == 3
    with pytest.raises(NameError, match="FACTOR"):
        define("def f(x): return FACTOR", "f")(3)


# -- where it stands ----------------------------------------------------------


def test_globals_are_live() -> None:
    exec("def f(): return 0", space := {})
    new = define(
        "def f():\n    global n\n    n = n + later() if 'n' in globals() else 1\n    return n",
        "f",
        space["f"],
    )
    assert new() == 1
    space["later"] = lambda: 10
    assert (new(), space["n"]) == (11, 11)
    assert new.__globals__ is space
    assert "f" in space
    assert space["f"] is not new


def closure():
    count = 1
    unseen = "only in the frame"

    def f(x):
        return x + count

    def rebind(value):
        nonlocal count
        count = value

    return f, rebind, lambda: count, {"unseen": unseen, "FACTOR": "shadowed", "count": "stale"}


def test_variables_of_the_function_around_are_live() -> None:
    old, rebind, count, scope = closure()
    new = define(
        "def helper(): return count\ndef f(x): return x * helper() * count", "f", old, scope
    )
    assert new(2) == 2
    rebind(5)
    assert new(2) == 50
    writing = define("def f(x):\n    nonlocal count\n    count = x\n    return count", "f", old)
    assert writing(9) == count() == old(0) == 9


def test_further_names_come_last() -> None:
    old, *_, scope = closure()
    new = define("def f(x): return unseen, FACTOR, count", "f", old, scope)
    assert new(0) == ("only in the frame", 2, 1)
    assert define("def f(): return a, len", "f", extra={"a": 1, "len": 2, ".0": 3, "if": 4})() == (
        1,
        2,
    )
    with pytest.raises(NameError, match="unseen"):
        define("def f(x): return unseen", "f", old)(0)


class Base:
    def who(self):
        return "base"


class Child(Base):
    def __init__(self):
        self.__secret = "mine"

    def who(self):
        return super().who()

    def plain(self):
        return self.__hidden()

    def __hidden(self):
        return self.__secret

    @classmethod
    def of(cls):
        return super()

    class Inner:
        def go(self):
            return 0


def test_super_and_private_names_are_those_of_the_class() -> None:
    who = define(
        "def who(self):\n    return super().who() + __class__.__name__ + self.__secret",
        "who",
        Child.who,
    )
    assert who(Child()) == "baseChildmine"
    plain = define("def plain(self): return Child, self.__hidden()", "plain", Child.plain)
    assert plain(Child()) == (Child, "mine")
    hidden = define(
        "def __hidden(self): return self.__secret * 2", "__hidden", Child._Child__hidden
    )
    assert hidden(Child()) == "minemine"
    assert hidden.__qualname__ == "Child.__hidden"
    given = define(
        "def plain(self): return super().who()", "plain", Child.plain, {"__class__": Child}
    )
    assert given(Child()) == "base"
    with pytest.raises((RuntimeError, NameError), match="__class__"):
        define("def plain(self): return super().who()", "plain", Child.plain)(Child())


def test_qualified_names_are_those_of_the_place() -> None:
    text = "class Wrong(Exception): pass\ndef f(x): raise Wrong\ndef go(self): return lambda: 0"
    new = define(text, "f", f)
    assert (new.__name__, new.__qualname__, new.__module__) == ("f", "f", __name__)
    with pytest.raises(Exception, match=r"^$") as caught:
        new(1)
    assert caught.type.__qualname__ == "Wrong"
    go = define(text, "go", Child.Inner.go)
    assert go.__qualname__ == "Child.Inner.go"
    assert go(None).__qualname__ == "Child.Inner.go.<locals>.<lambda>"
    with pytest.raises(TypeError, match=r"^(Child.Inner.)?go\(\) missing"):
        go()


def test_futures_of_the_place_hold() -> None:
    late = define("def f(x: Unknown): ...", "f", f)
    assert late.__annotations__ == {"x": "Unknown"}


def test_a_function_under_decorators_is_the_place() -> None:
    space = {"functools": functools, "by": 7}
    exec("def f(x): return x", space)

    @functools.wraps(space["f"])
    def wrapper(*args):
        return space["f"](*args)

    assert define("def f(x): return by", "f", wrapper)(0) == 7
    assert define("def f(x): return by", "f", functools.lru_cache(space["f"]))(0) == 7


def test_a_lambda_is_replaced_by_a_def() -> None:
    n = 3
    old = lambda x: x + n
    source = source_of(old)
    assert define(source.text, source.name, source.function)(1) == 4


# -- what is wrong with it ----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must define a function named f"),
        ("def g(x): return x", "must define a function named f"),
        ("class f2: pass", "must define a function named f"),
        ("def g():\n    def f(): ...", "must define a function named f"),
        ("f = 3", "f must be a function, but the code makes it 3"),
    ],
)
def test_code_without_the_function(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        define(text, "f", f)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(:\n    pass", 1),
        ("def f():\n    return (\n", 2),
        ("def f(): pass\nreturn 1", 2),
        ("if True:\n    yield 1", 2),
        ("def f():\n    nonlocal nothing", 2),
        ("def f(): pass\nbreak", 2),
        ("from __future__ import braces2\ndef f(): pass", 1),
    ],
)
def test_syntax_errors_tell_the_file_and_line(text: str, line: int) -> None:
    with pytest.raises(SyntaxError) as caught:
        define(text, "f", label="__code:0")
    assert caught.value.filename.startswith("<trace __code:0 of f ")
    assert caught.value.lineno == line
    assert caught.value.filename not in linecache.cache


def test_errors_while_it_is_defined_are_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        define("1 / 0\ndef f(): pass", "f")
    with pytest.raises(ModuleNotFoundError):
        define("from not_there import *\ndef f(): pass", "f")
    with pytest.raises(UnboundLocalError):
        define("if 0:\n    def f(): pass", "f")


# -- how it is seen, and forgotten --------------------------------------------


def test_source_and_traceback_show_the_text() -> None:
    text = "import math\n\ndef f(x):\n    y = x\n    return 1 / y  # here"
    new = define(text, "f", f, label="__code:3")
    assert inspect.getsource(new).rstrip() == "def f(x):\n    y = x\n    return 1 / y  # here"
    assert source_of(new).text == inspect.getsource(new).rstrip()
    with pytest.raises(ZeroDivisionError) as caught:
        new(0)
    shown = "".join(traceback.format_exception(caught.value))
    assert 'File "<trace __code:3 of f ' in shown
    assert ", line 5, in f\n    return 1 / y  # here" in shown


def ours() -> list[str]:
    return [name for name in linecache.cache if name.startswith("<trace ")]


@frees_code
def test_the_text_is_forgotten_with_the_function() -> None:
    gc.collect()
    before = ours()
    for i in range(300):
        define(f"def g(): return {i}\ndef f(): return g()", "f", f, label="__code:0")
    gc.collect()
    assert ours() == before
    new = define("def f(): return 1", "f")
    assert len(ours()) == len(before) + 1
    linecache.checkcache()
    assert len(ours()) == len(before) + 1
    watch = weakref.ref(new)
    del new
    gc.collect()
    assert watch() is None
    assert ours() == before


def test_a_traceback_keeps_the_text_alive() -> None:
    try:
        define("@0\ndef f(): pass", "f")
    except TypeError as error:
        kept = error
    assert "@0" in "".join(traceback.format_exception(kept))


def test_the_same_text_twice_stays_visible() -> None:
    one = define("def f(): return 1", "f")
    two = define("def f(): return 1", "f")
    del one
    gc.collect()
    assert inspect.getsource(two) == "def f(): return 1\n"


# -- any function -------------------------------------------------------------

BINARY = ("{} + {}", "{} - {}", "{} * {}", "{} if helper({}) else 1")
UNARY = (
    "(lambda a: a + {})(1)",
    "sum([{} for n in range(3)])",
    "helper({})",
    "len('''\n    {}\n''')",
    "(c := {})",
)


def expressions(names: str) -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(names.split()) | st.integers(-9, 9).map("({})".format),
        lambda part: st.one_of(
            st.builds(
                lambda form, x, y: f"({form.format(x, y)})", st.sampled_from(BINARY), part, part
            ),
            st.builds(str.format, st.sampled_from(UNARY), part),
        ),
        max_leaves=8,
    )


INSIDE = expressions("a b n FACTOR")
STATEMENTS = st.builds("{} = {}".format, st.sampled_from("abc"), INSIDE)
DECORATORS = st.lists(st.sampled_from(("@plus(1)", "@plus(2)", "@functools.cache")), max_size=2)


@given(DECORATORS, expressions("n FACTOR"), st.lists(STATEMENTS, max_size=3), INSIDE)
def test_a_defined_function_does_what_an_executed_one_does(over, default, body, last) -> None:
    lines = ["n = 2", "def helper(x): return x + n", *over, f"def f(a, b={default}):"]
    text = "\n".join([*lines, *(f"    {line}" for line in body), f"    return {last}"])
    exec(text, space := dict(globals()))
    assert define(text, "f", f)(3) == space["f"](3)
