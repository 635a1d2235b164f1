"""From a function to the text that it was written as.

A trainable function is a parameter whose value is this text. It is found by the
syntax tree of the file, so that aliases of the decorator, parentheses in
descriptions, methods, nested functions and lambdas are all the same. The way
back is `define`.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from functools import lru_cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from opto.errors import SourceError
from opto.trace.define import define, inner_code, layers
from opto.trace.syntax import (
    Def,
    cut,
    lambda_as_def,
    last_bundle,
    signature_of,
    starts_at,
    tree_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Source", "define", "signature_of", "source_of", "text_of_code"]

_HELP = (
    "Put the function into a file (or a notebook cell), or use bundle(trainable=False), "
    "which needs no source text."
)


@dataclass(frozen=True, slots=True)
class Source:
    """A function as it was written.

    Attributes:
        text: the source, dedented, from the first decorator below ``bundle(...)``
            (or the ``def``) to the last line.
        file: the file that holds it.
        line: the line in `file` on which `text` begins, counted from 1.
        name: the name that `text` defines.
        function: the plain function that the ``def`` made, below all decorators;
            its globals and closure are what `text` refers to.
    """

    text: str
    file: str
    line: int
    name: str
    function: FunctionType | None = field(default=None, repr=False, compare=False)


def source_of(
    fun: Callable[..., Any], scope: Mapping[str, Any] | None = None, line: int | None = None
) -> Source:
    """The source of `fun`, without the ``bundle(...)`` decorator and all above it.

    A lambda is returned as a ``def`` with one ``return``, since that is the form in
    which an optimizer can rewrite it.

    Args:
        fun: a function, or what decorators below ``bundle`` made of one.
        scope: the local names where `fun` is defined, for finding out that a decorator
            is ``bundle`` under another name.
        line: the line of the decorator that stands for ``bundle``, if it is known.

    Raises:
        SourceError: there is no text, or it is not certain which part of it is `fun`.

    Example:
        >>> import textwrap
        >>> source_of(textwrap.dedent).name
        'dedent'
    """
    problem = None
    # A wrapper made by a decorator *below* bundle is part of the text of what it wraps.
    # A wrapper made elsewhere is not: then the wrapper's own text is the right one.
    for depth, layer in reversed(list(enumerate(layers(fun)))):
        if not isinstance(layer, FunctionType):
            continue
        try:
            source, decorators = _read(layer, scope or {}, line)
        except SourceError as error:
            problem = problem or error
        else:
            if decorators >= depth:
                return source
    raise problem or SourceError(
        f"{fun!r} is no Python function with a text of its own. "
        f"Call it from a function that you write with def. {_HELP}"
    )


def text_of_code(code: CodeType, names: dict[str, Any]) -> Source:
    """The source of the function that is running as `code`; lambdas as whole lines.

    Args:
        code: of a frame or a function.
        names: its globals.

    Raises:
        SourceError: the text cannot be read.
    """
    cells = tuple(CellType() for _ in code.co_freevars)
    lines = _lines(FunctionType(code, names, closure=cells))
    node = _find(code, lines)
    if isinstance(node, ast.Lambda):
        text = "".join(lines[node.lineno - 1 : node.end_lineno]).strip()
        return Source(text, code.co_filename, node.lineno, code.co_name)
    text, first = cut(lines, node, last_bundle(node, names))
    return Source(text, code.co_filename, first, node.name)


def _read(function: FunctionType, scope: Mapping[str, Any], line: int | None) -> tuple[Source, int]:
    """The source of exactly this function, and how many decorators are part of it."""
    code = function.__code__
    lines = _lines(function)
    node = _find(code, lines)
    if isinstance(node, ast.Lambda):
        text = "".join(lines)
        name = _name_of_lambda(node, _tree(text))
        text = lambda_as_def(node, name, text)
        return Source(text, code.co_filename, node.lineno, name, function), 0
    bundle = last_bundle(node, {**function.__globals__, **scope}, line)
    text, first = cut(lines, node, bundle)
    source = Source(text, code.co_filename, first, node.name, function)
    return source, len(node.decorator_list) - bundle - 1


def _lines(function: FunctionType) -> list[str]:
    code = function.__code__
    try:
        # It also knows zip files, doctests, notebooks and the new REPL.
        lines, _ = inspect.findsource(function)
    except (OSError, TypeError, IndexError) as error:
        raise SourceError(
            f"the source text of {code.co_name}, defined in {code.co_filename}, line "
            f"{code.co_firstlineno}, cannot be read: {error}. {_HELP}"
        ) from error
    return lines


@lru_cache(maxsize=8)
def _tree(text: str) -> ast.Module:
    # Cached, since several functions of one file are decorated in a row.
    return tree_of(text)


@lru_cache(maxsize=8)
def _functions(text: str) -> Mapping[tuple[int, str], list[Def | ast.Lambda]]:
    """The functions of a file by first line and name: each failure looks for one."""
    found: dict[tuple[int, str], list[Def | ast.Lambda]] = {}
    for node in ast.walk(_tree(text)):
        if isinstance(node, Def | ast.Lambda):
            key = starts_at(node), getattr(node, "name", "<lambda>")
            found.setdefault(key, []).append(node)
    return found


def _find(code: CodeType, lines: list[str]) -> Def | ast.Lambda:
    """The node that `code` was compiled from."""
    text = "".join(lines)
    try:
        functions = _functions(text)
    except SyntaxError as error:
        raise SourceError(
            f"{code.co_filename} is no Python as it stands now, so the source of "
            f"{code.co_name} cannot be found in it: {error}. Import it again."
        ) from error
    found = [
        node
        for node in functions.get((code.co_firstlineno, code.co_name), ())
        if len(node.args.posonlyargs + node.args.args) == code.co_argcount
    ]
    if len(found) > 1:
        found = [node for node in found if _compiles_to(node, code)]
    # Lambdas that are alike to the letter need not be told apart.
    if len(found) == 1 or len({ast.get_source_segment(text, node) for node in found}) == 1:
        return found[0]
    if found:
        raise SourceError(
            f"{code.co_filename}, line {code.co_firstlineno} holds {len(found)} lambdas that "
            "cannot be told apart; write each on a line of its own, or as a def."
        )
    raise SourceError(
        f"{code.co_name} is not at line {code.co_firstlineno} of {code.co_filename}; "
        "the file was changed after it was imported. Import it again."
    )


def _compiles_to(node: ast.AST, code: CodeType) -> bool:
    """Whether `code` is what becomes of the lambda `node`."""
    # Free variables have to be free in the compiled copy too, hence the function around it.
    around = tree_of(f"def around({', '.join(code.co_freevars)}): return 0")
    around.body[0].body[0].value = node  # type: ignore[attr-defined]
    inner = inner_code(inner_code(compile(around, code.co_filename, "exec", dont_inherit=True)))
    if (inner.co_flags ^ code.co_flags) & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return False
    return _facts(inner.replace(co_flags=code.co_flags)) == _facts(code)


def _facts(code: CodeType) -> tuple[CodeType, tuple[Any, ...]]:
    # Positions (3.11+) tell apart lambdas that differ only in their defaults.
    return code, tuple(code.co_positions()) if hasattr(code, "co_positions") else ()


def _name_of_lambda(node: ast.Lambda, tree: ast.Module) -> str:
    """The name that the lambda, or a call with it, is assigned to."""
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value
            if value is node or (isinstance(value, ast.Call) and node in value.args):
                return statement.targets[0].id
    return "function"
