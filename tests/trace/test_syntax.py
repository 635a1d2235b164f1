"""Heads, decorators and lines of functions, by their syntax tree (SPEC A8, A14)."""

from __future__ import annotations

import ast

import pytest

from opto.errors import SourceError
from opto.trace import syntax
from opto.trace.syntax import definition_in, lambda_as_def, last_bundle, signature_of

HEADS = [
    ("def f(x): return x", "def f(x):"),
    ("def f(x):\n    return x", "def f(x):"),
    ("async  def f(x):\n    return x", "async  def f(x):"),
    (
        "def f(\n    x,\n    y={1: 2},\n) -> dict[str, int]:\n    return x",
        "def f(\n    x,\n    y={1: 2},\n) -> dict[str, int]:",
    ),
    (
        "def f(x=lambda: 1) -> (lambda: 2):  # note: this\n    return x",
        "def f(x=lambda: 1) -> (lambda: 2):",
    ),
    ("def f(x) -> lambda a: a:\n    return x", "def f(x) -> lambda a: a:"),
    ("def f(x='é:)') -> 'ü:':\n    return x", "def f(x='é:)') -> 'ü:':"),
    ("@deco(a=':')\ndef f(x):\n    return x", "def f(x):"),
    ("import os\ndef f(x): 'Doc.'; return x", "def f(x): 'Doc.'"),
    ("def f(x):\n    'Doc: é.'\n    return x", "def f(x):\n    'Doc: é.'"),
    (
        "def f(x):\n    # why\n    '''Doc\n\n    more'''; y = 1\n    return x",
        "def f(x):\n    '''Doc\n\n    more'''",
    ),
    ('def f(x):\n    """Doc."""\n    y = """not"""\n    return y', 'def f(x):\n    """Doc."""'),
    ('def f(x):\n    y = """not a docstring"""\n    return y', "def f(x):"),
    ("def f(x):\n    f'no docstring'", "def f(x):"),
    ("def f(x):\n    b'no docstring'", "def f(x):"),
    ("def f(x):\n\t'''Tab\x0cfeed.'''\n\treturn x", "def f(x):\n\t'''Tab\x0cfeed.'''"),
]


@pytest.mark.parametrize(("text", "head"), HEADS)
def test_a08_the_head_is_the_def_and_the_docstring(text: str, head: str) -> None:
    assert signature_of(text) == head


def test_the_head_of_the_function_that_was_meant() -> None:
    text = "def helper(a): ...\ndef f(x):\n    return helper(x)\ndef f(y): ..."
    assert signature_of(text) == "def helper(a):"
    assert signature_of(text, "f") == "def f(y):"
    with pytest.raises(SourceError, match="must define a function named g"):
        signature_of(text, "g")
    with pytest.raises(SourceError, match="must define a function"):
        signature_of("x = 1")
    with pytest.raises(SyntaxError):
        signature_of("def f(:")


def decorators(text: str) -> ast.FunctionDef:
    return definition_in(ast.parse(f"{text}\ndef f(): ..."))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", -1),
        ("@cache", -1),
        ("@bundle()", 0),
        ("@bundle", 0),
        ("@trace.bundle('(')", 0),
        ("@opto.trace.bundle()", 0),
        ("@top\n@bundle()\n@cache", 1),
        ("@bundle()\n@bundle()\n@cache", 1),
        ("@bundled()", -1),
        ("@wrap(bundle)", -1),
        ("@bundles[0]()", -1),
        ("@b()", 0),
        ("@ours.b()", 0),
        ("@partly", 0),
        ("@other()", -1),
        ("@ours.missing.b()", -1),
    ],
)
def test_a14_bundle_is_known_by_any_name(text: str, place: int) -> None:
    class Ours:
        __module__ = "opto.trace.bundle"

    class Partial:
        func = Ours

    class Room:
        b = Ours

    scope = {"b": Ours, "ours": Room, "partly": Partial, "other": decorators}
    assert last_bundle(decorators(text), scope) == place


def test_the_line_of_a_decorator_is_enough_to_know_it() -> None:
    node = decorators("@top\n@mine(\n  1,\n)\n@cache")
    assert last_bundle(node, {}) == -1
    assert [last_bundle(node, {}, line) for line in (1, 2, 3, 4, 5, 6)] == [0, 1, 1, 1, 2, -1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lambda: 0", "def f():\n    return 0"),
        ("lambda a, /, b=1, *c, d=2, **e: a", "def f(a, /, b=1, *c, d=2, **e):\n    return a"),
        ("lambda a: (a,\n   1)", "def f(a):\n    return ((a,\n   1))"),
        ("lambda a: (b := a)", "def f(a):\n    return (b := a)"),
        ("lambda: (yield 1)", "def f():\n    return (yield 1)"),
        ("lambda: 'ü' + '''x\ny'''", "def f():\n    return ('ü' + '''x\ny''')"),
    ],
)
def test_a_lambda_as_a_def(text: str, expected: str) -> None:
    node = ast.parse(f"({text})").body[0].value
    assert lambda_as_def(node, "f", f"({text})") == expected
    ast.parse(expected)


def test_a_tree_that_python_throws_away_for_another_thread_is_made_again(monkeypatch):
    failures = iter([SystemError("AST constructor recursion depth mismatch")] * 3)

    def unlucky(*args, **kwargs):
        if error := next(failures, None):
            raise error
        return compile(*args, **kwargs)

    # As Python does until 3.11.8 and 3.12.2.
    monkeypatch.setattr(syntax, "compile", unlucky, raising=False)
    assert syntax.tree_of("a = 1").body[0].targets[0].id == "a"
    with pytest.raises(SyntaxError) as wrong:
        syntax.tree_of("a = = 1", "here.py")
    assert wrong.value.filename == "here.py"
