"""Methods of the user's as functions of their own, where that is all that they are.

A function that changes its object, or a global, is to do so in the program, and not in a worker.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from types import FunctionType
from typing import Any

from opto.errors import SourceError
from opto.trace.source import source_of
from opto.trace.syntax import definition_in, tree_of

__all__ = ["as_function", "changes"]

_FORMS = frozenset(("staticmethod", "property"))
# Methods of Python's containers, and of arrays and files, that change them.
_CHANGING = frozenset(
    (
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend"),
        *("extendleft", "fill", "insert", "intersection_update", "pop", "popitem", "popleft"),
        *("put", "remove", "resize", "reverse", "rotate", "setdefault", "sort"),
        *("symmetric_difference_update", "update", "write", "writelines"),
    )
)


@lru_cache(maxsize=64)
def as_function(method: Any, name: str) -> str | None:
    """The text of a function called `name` that does what `method` does.

    None where the method is no function with a text, is decorated, or changes its object.

    Example:
        >>> as_function(len, "f")
    """
    if not isinstance(method, FunctionType) or hasattr(method, "__wrapped__"):
        return None
    # This library works with the host's objects.
    if f"{method.__module__}.".startswith("opto."):
        return None
    try:
        source = source_of(method)
        found = definition_in(tree_of(source.text), source.name)
    except (SourceError, SyntaxError):
        return None
    forms = {d.id if isinstance(d, ast.Name) else "" for d in found.decorator_list}
    first = [arg.arg for arg in (*found.args.posonlyargs, *found.args.args)][:1]
    if not forms <= _FORMS or changes(source.text, tuple(first)):
        return None
    found.decorator_list, found.name = [], name
    return ast.unparse(found)


@lru_cache(maxsize=256)
def changes(text: str, names: tuple[str, ...] = ()) -> bool:
    r"""Whether a function sets attributes or globals, or changes what has one of some names.

    In a worker, it would change a copy. Whether something else changes it, nobody can tell.

    Example:
        >>> changes("def f(x):\n    seen.append(x)", ("seen",)), changes("def f(x): x += 1", ("x",))
        (True, False)
    """
    return any(_changes(node, names) for node in ast.walk(tree_of(text)))


def _changes(node: ast.AST, mine: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Attribute):
        sets = not isinstance(node.ctx, ast.Load)
        return sets or (node.attr in _CHANGING and _first_name(node.value) in mine)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load) and _first_name(node.value) in mine
    return isinstance(node, ast.Global)


def _first_name(node: ast.AST) -> str | None:
    """What an expression begins with: ``self`` in ``self.a[0]``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
