"""What a text needs, by its syntax."""

from __future__ import annotations

import pytest

from opto.errors import SandboxError, SourceError
from opto.sandbox.analysis import LONGEST, facts_of, free_of


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("def f(x): return x", ""),
        ("def f(x): return len(x) + K", "K len"),
        ("import math\ndef f(x): return math.pi", ""),
        ("K = 3\ndef f(x): return K", ""),
        ("def f(x): return [y + z for y in x]", "z"),
        ("def f(x):\n    def g(): return x + z\n    return g()", "z"),
        ("def f(x):\n    global count\n    count += 1", "count"),
        ("count = 0\ndef f(x):\n    global count\n    count += 1", ""),
        ("class A:\n    k = z\n    def g(self): return y\ndef f(x): return A()", "y z"),
        ("def f(x=d, *, k=e): return x", "d e"),
        ("def f(x: A, *a: B) -> C:\n    y: D = x\n    return y", ""),
        ("from __future__ import annotations\ndef f(x: A): return x", ""),
        ("@deco\ndef f(x): return f(x - 1)", "deco"),
        (
            "try:\n    import a\nexcept ImportError:\n    a = None\ndef f(x): return a",
            "ImportError",
        ),
        ("def f(x): return (y := x) + y", ""),
        ("def f(x):\n    match x:\n        case Point(a): return a", "Point"),
        ("def f(x): return (lambda y: y + w)(x)", "w"),
        ("def f(x):\n    import os\n    return os", ""),
    ],
)
def test_free_names(text, free):
    assert " ".join(facts_of(text, "f").free) == free
    assert facts_of(text, "f").free == free_of(text)


def test_its_own_names():
    text = "import a.b as c, d.e\nK: int = 1\ndef g(): pass\nclass H: pass\ndef f(): pass"
    assert facts_of(text, "f").own == {"c", "d", "K", "g", "H"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("def f(): return 1", "function"),
        ("def f(): yield 1", "generator"),
        ("def f(): yield from x", "generator"),
        ("async def f(): return 1", "coroutine"),
        ("async def f(): yield 1", "async generator"),
        ("def f():\n    def g(): yield 1\n    return g", "function"),
        ("def f():\n    if x:\n        with y:\n            yield 1", "generator"),
        ("def f(): return lambda: (yield)", "function"),
        ("def f():\n    return [(yield)]", "generator"),
        ("def f(): return 1\ndef f(): yield 1", "generator"),
        ("if x:\n    def f(): yield 1", "generator"),
    ],
)
def test_kinds(body, kind):
    assert facts_of(body, "f").kind == kind


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("def f(self): return self.a + self.b(1)", ("a", "b")),
        ("def f(me, x):\n    me.c = 1\n    return [me.a.b for _ in x]", ("a", "c")),
        ("def f(self): return getattr(self, 'a')", None),
        ("def f(self): return self.a or self", None),
        ("def f(): return 1", ()),
        ("def f(*self): return self.a", ()),
    ],
)
def test_attributes_of_the_first_parameter(text, attributes):
    facts = facts_of(text, "f")
    assert facts.attributes == attributes
    assert facts.first in {"self", "me", None}


@pytest.mark.parametrize(
    ("head", "signature"),
    [
        ("a, /, b: int = 2, *c, d, e='x', **g", "(a, /, b=2, *c, d, e='x', **g)"),
        ("a=[1, {'b': None}], *, c=-1", "(a=[1, {'b': None}], *, c=-1)"),
        ("a=K", "None"),
        ("*, a=print", "None"),
    ],
)
def test_signatures(head, signature):
    assert str(facts_of(f"def f({head}): pass", "f").signature) == signature


def test_decorators_are_seen():
    assert facts_of("@x\ndef f(): pass", "f").decorated
    assert not facts_of("@x\ndef g(): pass\ndef f(): pass", "f").decorated


@pytest.mark.parametrize(
    "deep",
    ["-" * 100_000 + "1", "x" + ".a" * 60_000, "not " * 30_000 + "x", "lambda:" * 30_000 + "x"],
    ids=["minus", "dots", "not", "lambda"],
)
def test_what_is_too_deep_is_refused(deep):
    with pytest.raises(SandboxError, match=r"too deeply|more than 500 dots|are the most"):
        facts_of(f"def f(): return {deep}", "f")


def test_imports_are_found_wherever_they_stand():
    text = "import os.path, re as r\ndef f():\n    from json.decoder import x\n    from . import y"
    assert facts_of(text, "f").imports == {"os", "re", "json"}


def test_what_is_too_long_is_refused():
    with pytest.raises(SandboxError, match="are the most"):
        facts_of("def f(): pass\n" + "#" * LONGEST, "f")


def test_what_defines_no_such_function_is_refused():
    with pytest.raises(SourceError, match="named f"):
        facts_of("def g(): pass", "f")
    with pytest.raises(SyntaxError):
        facts_of("def f(:", "f")


@pytest.mark.parametrize("text", ["def f(): return '\0'", "def f(): return '\ud800'"])
def test_what_no_file_can_hold_is_refused(text):
    with pytest.raises((SandboxError, SyntaxError)):
        facts_of(text, "f")


def test_a_name_that_would_take_hours_is_refused():
    text = "def f():\n    e" + "\u0301\u0327" * 30_000 + " = 1"
    with pytest.raises(SandboxError, match="marks"):
        facts_of(text, "f")
    with pytest.raises(SandboxError, match="marks"):
        free_of(text)
