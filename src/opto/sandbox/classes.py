"""The text of a class of the user's, from a file or from a cell of a notebook."""

from __future__ import annotations

import ast
import inspect
import linecache
from pathlib import Path
from textwrap import dedent
from types import FunctionType

from opto.errors import SourceError
from opto.trace.syntax import tree_of

__all__ = ["text_of_class"]


def text_of_class(kind: type) -> str:
    """The text of a class, its decorators included.

    Raises:
        SourceError: it cannot be read, or more than one cell of a notebook may hold it.
    """
    try:
        return dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        # Python looks for a file of its module, which what is typed into a notebook has not.
        found = [text for cell in _cells_of(kind) for text in _defined_in(cell, kind.__qualname__)]
    if len(found) != 1:
        raise SourceError(f"the source text of {kind.__qualname__} cannot be read")
    return found[0]


def _cells_of(kind: type) -> list[str]:
    """The cells that may define it: those of its methods; all, if it has none."""
    own = [f.__code__.co_filename for f in vars(kind).values() if isinstance(f, FunctionType)]
    # What `dataclasses` makes comes from no cell.
    names = {file for file in own if file in linecache.cache} or set(linecache.cache)
    return ["".join(linecache.getlines(name)) for name in names if not Path(name).exists()]


def _defined_in(cell: str, name: str) -> list[str]:
    try:
        tree = tree_of(cell)
    except (SyntaxError, ValueError):
        return []
    found = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    lines = cell.splitlines(keepends=True)
    starts = [min([n.lineno, *(d.lineno for d in n.decorator_list)]) for n in found]
    return [
        "".join(lines[start - 1 : n.end_lineno]) for start, n in zip(starts, found, strict=True)
    ]
