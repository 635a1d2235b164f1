"""What the syntax tree says about the text of a function: its head, its decorators, its lines.

Pure functions from text to text. Positions come from `ast` and `tokenize`, never
from searching for words, so that strings and comments cannot mislead them.
"""

from __future__ import annotations

import ast
import tokenize
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opto.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Def",
    "cut",
    "definition_in",
    "lambda_as_def",
    "last_bundle",
    "signature_of",
    "tree_of",
    "undisturbed",
]

Def = ast.FunctionDef | ast.AsyncFunctionDef

_BUNDLE_MODULE = "opto.trace.bundle"

_ATTEMPTS = 100
_TREE = ast.PyCF_ONLY_AST

T = TypeVar("T")


def tree_of(text: str, file: str = "<unknown>") -> ast.Module:
    """The syntax tree of a text, in whatever thread.

    Args:
        text: Python source.
        file: what a syntax error says that it stands in.

    Raises:
        SyntaxError: `text` is no Python.
        ValueError: `text` has a null byte in it.

    """
    made = undisturbed(partial(compile, text, file, "exec", _TREE, dont_inherit=True))
    return cast("ast.Module", made)


def undisturbed(make: Callable[[], T]) -> T:
    """What `make` gives, which makes syntax trees, in whatever thread.

    Until 3.11.8 and 3.12.2 Python counts how deep a tree is in one place for all threads, and
    throws a tree away with a `SystemError` when another thread made one meanwhile.

    Source: python/cpython issue 106905.
    """
    for _ in range(_ATTEMPTS):
        try:
            return make()
        except SystemError:
            continue
    return make()


def signature_of(text: str, name: str | None = None) -> str:
    r"""The head of a function: its ``def`` through the colon, and its docstring.

    Args:
        text: source of the function; other definitions may stand around it.
        name: which function; by default the first.

    Raises:
        SourceError: `text` defines no such function.
        SyntaxError: `text` is no Python.

    Example:
        >>> print(signature_of("def f(a,\n      b=':'):\n    'Say it.'\n    return a"))
        def f(a,
              b=':'):
            'Say it.'
    """
    # Not splitlines(): a form feed inside a string is no end of a line for Python.
    lines = [line + "\n" for line in text.split("\n")]
    node = definition_in(tree_of(text), name)
    row, column = _colon(node, lines)
    head = "".join([*lines[node.lineno - 1 : row - 1], lines[row - 1][:column]])
    if ast.get_docstring(node, clean=False) is None:
        return head
    doc = node.body[0]
    if doc.lineno == row:
        return f"{head} {ast.get_source_segment(text, doc)}"
    # Whole lines, so that the indentation stays.
    between = "".join(lines[doc.lineno - 1 : (doc.end_lineno or 0) - 1])
    ending = _characters(lines[(doc.end_lineno or 0) - 1], doc.end_col_offset)
    return f"{head}\n{between}{lines[(doc.end_lineno or 0) - 1][:ending]}"


def definition_in(tree: ast.Module, name: str | None = None) -> Def:
    """The last ``def`` called `name` on the top level of `tree`; without a name, the first.

    Raises:
        SourceError: there is none.
    """
    found = [node for node in tree.body if isinstance(node, Def)]
    if name is not None:
        found = [node for node in reversed(found) if node.name == name]
    if not found:
        raise SourceError(f"the code must define a function{f' named {name}' if name else ''}")
    return found[0]


def last_bundle(node: Def, scope: Mapping[str, Any], line: int | None = None) -> int:
    """The place of the lowest ``bundle`` among the decorators of `node`, or -1.

    Args:
        node: the function.
        scope: what names mean where the function stands, to know bundle by other names.
        line: the line of the decorator that is known to be bundle, whatever its name.
    """
    found = [
        place
        for place, decorator in enumerate(node.decorator_list)
        if _is_bundle(decorator, scope)
        or (line is not None and decorator.lineno <= line <= (decorator.end_lineno or 0))
    ]
    return found[-1] if found else -1


def _is_bundle(decorator: ast.expr, scope: Mapping[str, Any]) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    path: list[str] = []
    while isinstance(named, ast.Attribute):
        path.append(named.attr)
        named = named.value
    if not isinstance(named, ast.Name):
        return False
    if (path[0] if path else named.id) == "bundle":
        return True
    value = scope.get(named.id)
    for attribute in reversed(path):
        value = getattr(value, attribute, None)
    # `b = partial(bundle, trainable=True)` and `b = bundle(trainable=True)` are bundles too.
    value = getattr(value, "func", value)
    return getattr(value, "__module__", None) == _BUNDLE_MODULE


def cut(lines: list[str], node: Def, bundle: int) -> tuple[str, int]:
    """The text of `node` below its decorator number `bundle`, dedented, and its first line.

    Args:
        lines: the file.
        node: a function in it.
        bundle: as `last_bundle` returns it.
    """
    first = _first_line(lines, node, bundle)
    indent = lines[first - 1][: -len(lines[first - 1].lstrip())]
    block = lines[first - 1 : _last_line(lines, node, indent)]
    if indent:
        kept = _rows_inside_strings(block)
        if ast.get_docstring(node, clean=False) is not None:
            # Indentation is no part of what a docstring says.
            doc = node.body[0]
            kept -= set(range(doc.lineno - first + 1, (doc.end_lineno or 0) - first + 2))
        block = [
            line if row in kept else line.removeprefix(indent)
            for row, line in enumerate(block, start=1)
        ]
    return "".join(block).rstrip(), first


def starts_at(node: Def | ast.Lambda) -> int:
    """The line that Python calls the first one of the function: that of its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return decorators[0].lineno if decorators else node.lineno


def _first_line(lines: list[str], node: Def, bundle: int) -> int:
    def begins(line: int) -> bool:
        return lines[line - 1].lstrip().startswith(("@", "def", "async"))

    if bundle >= 0:
        line = (node.decorator_list[bundle].end_lineno or 0) + 1
        while not begins(line):
            line += 1
        return line
    line = starts_at(node)
    while not begins(line):
        line -= 1
    return line


def _last_line(lines: list[str], node: Def, indent: str) -> int:
    """The end of `node`, with the comments that stand at the end of its body."""
    last = end = node.end_lineno or len(lines)
    for number, line in enumerate(lines[end:], start=end + 1):
        words = line.lstrip()
        if words.startswith("#") and len(line) - len(words) > len(indent):
            last = number
        elif words:
            break
    return last


def _rows_inside_strings(block: list[str]) -> set[int]:
    """The rows of `block`, from 1, that begin inside a string: their spaces are its content."""
    tokens = tokenize.generate_tokens(iter(block).__next__)
    # Only (parts of) strings reach over the end of a line.
    return {row for token in tokens for row in range(token.start[0] + 1, token.end[0] + 1)}


def _colon(node: Def, lines: list[str]) -> tuple[int, int]:
    """Row and column just behind the colon that ends the head of `node`."""
    behind = (0, 0)
    if node.returns is not None:
        # A return annotation may hold a colon of its own, in a lambda.
        row = node.returns.end_lineno or 0
        behind = (row - node.lineno + 1, _characters(lines[row - 1], node.returns.end_col_offset))
    depth = 0
    for token in tokenize.generate_tokens(iter(lines[node.lineno - 1 :]).__next__):
        depth += (token.string in {"(", "[", "{"}) - (token.string in {")", "]", "}"})
        if token.string == ":" and depth == 0 and token.start >= behind:
            break
    return node.lineno - 1 + token.end[0], token.end[1]


def _characters(line: str, offset: int | None) -> int:
    # The columns of `ast` count bytes.
    return len(line.encode()[:offset].decode())


def lambda_as_def(node: ast.Lambda, name: str, text: str) -> str:
    """The lambda `node` of the file `text` as a ``def`` called `name`.

    Example:
        >>> text = "x = lambda a, *b: a + 1"
        >>> print(lambda_as_def(ast.parse(text).body[0].value, "f", text))
        def f(a, *b):
            return a + 1
    """
    body = ast.get_source_segment(text, node.body) or ast.unparse(node.body)
    if "\n" in body or isinstance(node.body, ast.NamedExpr | ast.Yield | ast.YieldFrom):
        body = f"({body})"
    return f"def {name}({ast.unparse(node.args)}):\n    return {body}"
