"""Where a definition stands: the text of its file, and what names mean there."""

from __future__ import annotations

import ast
import inspect
import symtable
import sys
import types
from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.bundle import FunModule
from opto.trace.containers import ParameterContainer
from opto.trace.export.text import Text
from opto.trace.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Home",
    "bare",
    "bound_by",
    "closure_of",
    "names_in",
    "names_of",
    "of_the_library",
    "some_line",
    "touches",
    "uses_library",
]

_LIBRARY = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """One source file as it was run.

    Args:
        file: its name.
        module: the name of the module that it became.
        text: its text.
        tree: the syntax tree of that.
        names: the global names of the module and what they stand for now.
    """

    file: str
    module: str
    text: Text
    tree: ast.Module
    names: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, thing: Any, what: str) -> Home:
        """The home of a class, function or module.

        Raises:
            StoreError: its source text cannot be read.
        """
        function = next(_functions(thing), None)
        try:
            lines, _ = inspect.findsource(function if function is not None else thing)
        except (OSError, TypeError, IndexError) as cause:
            raise StoreError(
                f"the source of {what} cannot be read, so it cannot be exported: {cause}; put it "
                f"into a file or a notebook cell"
            ) from cause
        if function is not None:
            file, names = function.__code__.co_filename, function.__globals__
        else:
            module = thing if isinstance(thing, types.ModuleType) else sys.modules[thing.__module__]
            file, names = getattr(module, "__file__", None) or module.__name__, vars(module)
        text = Text("".join(lines))
        tree = ast.parse(text.raw)
        return cls(file, str(names.get("__name__", "")), text, tree, names)

    def binders(self, name: str) -> list[ast.stmt]:
        """The statements on the top level that give `name` its meaning, in order."""
        return [node for node in self.tree.body if name in bound_by(node)]

    def definition(self, qualname: str, line: int | None) -> ast.stmt:
        """The ``class`` or ``def`` of this qualified name, the one around `line` if known.

        Raises:
            StoreError: it does not stand in the file.
        """
        found: list[ast.AST] = [self.tree]
        for part in qualname.replace(".<locals>", "").split("."):
            found = [n for outer in found for n in _defined_in(outer) if n.name == part]
        if line is not None:
            found = [n for n in found if _first(n) <= line <= (n.end_lineno or 0)]  # type: ignore[attr-defined]
        if not found:
            raise StoreError(
                f"{qualname} does not stand in {self.file}; the file was changed after it was "
                f"imported, or the class was made by a call"
            )
        return found[-1]  # type: ignore[return-value]


def _first(node: Any) -> int:
    lines: list[int] = [node.lineno, *(d.lineno for d in node.decorator_list)]
    return min(lines)


def _defined_in(outer: ast.AST) -> Iterator[Any]:
    """Classes and functions in the body of `outer`, also under ``if`` and ``try`` and the like."""
    for node in ast.iter_child_nodes(outer):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _defined_in(node)


def bound_by(node: ast.stmt) -> set[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    bound = {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    for below in ast.iter_child_nodes(node):
        if isinstance(below, ast.stmt | ast.excepthandler | ast.match_case):
            bound |= bound_by(below)  # type: ignore[arg-type]
    return bound


def _functions(thing: Any) -> Iterator[types.FunctionType]:
    """The Python functions of a class that were written in it, or the function itself."""
    if isinstance(thing, types.ModuleType):
        return
    if not isinstance(thing, type):
        thing = bare(thing)
        if isinstance(thing, types.FunctionType):
            yield thing
        return
    for value in map(bare, vars(thing).values()):
        if (
            isinstance(value, types.FunctionType)
            and value.__qualname__.startswith(f"{thing.__qualname__}.")
            # A dataclass and its like write methods that have no file.
            and value.__code__.co_filename != "<string>"
        ):
            yield value


def some_line(thing: Any) -> int | None:
    """A line inside the class or function, to tell it from others of its name."""
    function = next(_functions(thing), None)
    return None if function is None else function.__code__.co_firstlineno


def bare(value: Any) -> Any:
    """The Python function below decorators of this library and the standard ones."""
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, FunModule):
        value = value.info["fun"]
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value


def closure_of(thing: Any) -> dict[str, Any]:
    """The variables of enclosing functions that `thing` uses."""
    found: dict[str, Any] = {}
    for function in _functions(thing):
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            if name != "__class__":
                try:
                    found[name] = cell.cell_contents
                except ValueError:  # never assigned
                    continue
    return found


def names_of(thing: Any, home: Home) -> Mapping[str, Any]:
    """What names mean inside `thing`: variables around it, then globals."""
    return ChainMap(closure_of(thing), home.names)  # type: ignore[arg-type]


def of_the_library(value: Any) -> bool:
    """Whether `value` is a part of this library, in difference to a thing made with it."""
    if isinstance(value, Node | ParameterContainer):
        return False
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0] == _LIBRARY
    named = isinstance(value, type | types.FunctionType)
    module = getattr(value if named else type(value), "__module__", None)
    return str(module).partition(".")[0] == _LIBRARY


def uses_library(module: Any) -> bool:
    """Whether a module names this library, so that importing it would load it."""
    return any(of_the_library(value) for value in list(getattr(module, "__dict__", {}).values()))


def touches(value: Any) -> bool:
    """Whether the class or function `value` is made with this library."""
    if isinstance(value, FunModule):
        return True
    if isinstance(value, type) and any(of_the_library(base) for base in value.__mro__):
        return True
    return any(
        of_the_library(function.__globals__.get(name))
        for function in _functions(value)
        for name in _code_names(function.__code__)
    )


def _code_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _code_names(const)


def names_in(code: str) -> tuple[set[str], set[str]]:
    """The names that `code`, run as a module, binds, and those that it takes from elsewhere."""
    top = symtable.symtable(code, "<export>", "exec")
    own = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    todo = list(top.get_children())
    while todo:
        table = todo.pop()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        todo.extend(table.get_children())
    return own, used - own
