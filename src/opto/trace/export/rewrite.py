"""Program text without the library: nodes become the values that they hold.

Nothing is run here. What a name stands for is looked up in the names of the program
that was run; what an expression makes is told from its form.
"""

from __future__ import annotations

import ast
import importlib
import types
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.bundle import bundle
from opto.trace.containers import Map, Seq
from opto.trace.export.meaning import (
    MAKERS,
    Function,
    Reader,
    arguments_of,
    bound_in,
)
from opto.trace.export.text import Edit, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Rewriter"]

# Expressions that need no parentheses of their own wherever they are put.
_WHOLE = (
    ast.Name | ast.Attribute | ast.Subscript | ast.Call
    | ast.List | ast.Tuple | ast.Set | ast.Dict
    | ast.ListComp | ast.SetComp | ast.DictComp
)  # fmt: skip

# What a node has that its value has under the same name, with the same meaning.
_SHARED = frozenset({
    "append", "capitalize", "format", "get", "items", "join", "keys", "lower", "pop", "replace",
    "split", "strip", "swapcase", "title", "upper", "values",
})  # fmt: skip

_COMPARED = {"eq": "==", "neq": "!="}
_CALLED = {"len": "len", "getattr": "getattr"}


class Rewriter(Reader, ast.NodeVisitor):
    """Visits a piece of text and collects the edits that free it from the library.

    Args:
        text: the text.
        names: what the names in it stand for.
        what: what it is, for messages.
        members: what stands under the attributes of the object whose methods are read.
    """

    def __init__(
        self,
        text: Text,
        names: Mapping[str, Any],
        what: str,
        members: Mapping[str, Any] = types.MappingProxyType({}),
    ) -> None:
        super().__init__(names, members)
        self.text: Text = text
        self.what: str = what
        self.edits: list[Edit] = []

    def refuse(self, at: ast.AST, why: str) -> StoreError:
        """The error that says that `at` has no plain form."""
        line = self.text.lines[at.lineno - 1].strip()  # type: ignore[attr-defined]
        return StoreError(f"{self.what} cannot be exported: {why}, in the line\n    {line}")

    # -- edits ---------------------------------------------------------------------------

    def replace(self, start: int, end: int, text: str = "") -> None:
        """Put `text` in the place of what stands from `start` to before `end`."""
        self.edits.append(Edit(start, end, text))

    def keep_only(self, whole: ast.AST, part: ast.expr) -> None:
        """Of `whole`, leave `part`, in parentheses if it needs them."""
        before, after = _around(part)
        self.replace(self.text.start(whole), self.text.start(part), before)
        self.replace(self.text.end(part), self.text.end(whole), after)
        self.visit(part)

    def visit_each(self, nodes: Iterable[ast.AST | None]) -> None:
        """Visit those that are there."""
        for below in nodes:
            if below is not None:
                self.visit(below)

    # -- expressions ---------------------------------------------------------------------

    def visit_Attribute(self, found: ast.Attribute) -> None:
        """``x.data`` of a node is the value that takes its place."""
        if self.makes_node(found.value):
            if found.attr in ("data", "_data"):
                self.replace(self._dot(found), self.text.end(found))
            elif found.attr not in _SHARED:
                raise self.refuse(found, f".{found.attr} is of the node and not of its value")
        self.generic_visit(found)

    def _dot(self, found: ast.Attribute) -> int:
        return self.text.raw.rindex(b".", self.text.end(found.value), self.text.end(found))

    def visit_Call(self, call: ast.Call) -> None:
        """A call that makes a node leaves what the node is made of."""
        target = self.value(call.func)
        method = call.func if isinstance(call.func, ast.Attribute) else None
        if any(target is maker for maker in MAKERS):
            self.keep_only(call, self._argument(call, "data", "value"))
        elif isinstance(call.func, ast.Call) and self.value(call.func.func) is bundle:
            self.keep_only(call, self._argument(call, "fun"))
        elif target is Seq or target is Map:
            self._collection(call, target)
        elif method is not None and self.makes_node(method.value):
            self._method(call, method)
        else:
            self.generic_visit(call)

    def _argument(self, call: ast.Call, *keywords: str) -> ast.expr:
        named = [k.value for k in call.keywords if k.arg in keywords]
        if not [*call.args[:1], *named] or isinstance([*call.args, *named][0], ast.Starred):
            raise self.refuse(call, "it is not certain what the node is made of")
        return [*call.args[:1], *named][0]

    def _collection(self, call: ast.Call, kind: type) -> None:
        plain = "dict" if kind is Map else "list"
        start, first = self.text.start(call), self.text.end(call.func)
        sure = ast.List | ast.Tuple | ast.ListComp | ast.Starred
        if kind is Map or (len(call.args) == 1 and isinstance(call.args[0], sure)):
            self.replace(start, first, plain)
        elif len(call.args) == 1 and not self.makes_node(call.args[0]):
            raise self.refuse(call, "it is not certain whether Seq gets a sequence or an item")
        else:
            self.replace(start, self.text.raw.index(b"(", first) + 1, "[")
            self.replace(self.text.end(call) - 1, self.text.end(call), "]")
        self.visit_each([*call.args, *call.keywords])

    def _method(self, call: ast.Call, method: ast.Attribute) -> None:
        """A method that only nodes have, as what it does to the value."""
        start, end, dot = self.text.start(call), self.text.end(call), self._dot(method)
        name = method.attr
        if name in _COMPARED and len(call.args) == 1:
            opening, closing = _around(call.args[0])
            self.replace(start, start, "(")
            self.replace(dot, self.text.start(call.args[0]), f" {_COMPARED[name]} {opening}")
            self.replace(self.text.end(call.args[0]), end, f"{closing})")
        elif name in _CALLED:
            self.replace(start, start, f"{_CALLED[name]}(")
            opened = self.text.raw.index(b"(", self.text.end(method)) + 1
            self.replace(dot, opened, ", " if call.args else "")
        elif name == "call" and call.args and isinstance(call.args[0], ast.Constant):
            self.replace(dot, self.text.end(call.args[0]), f".{call.args[0].value!s}(")
            if call.args[1:] or call.keywords:
                comma = self.text.raw.index(b",", self.text.end(call.args[0]))
                self.replace(comma, comma + 1)
        elif name not in _SHARED and name not in ("data", "_data"):
            raise self.refuse(call, f".{name}() is of the node and not of its value")
        self.visit_each([method.value, *call.args, *call.keywords])
        if name in ("data", "_data"):
            self.replace(dot, self.text.end(method))

    # -- definitions ---------------------------------------------------------------------

    def decorators(self, found: Function | ast.ClassDef) -> None:
        """Take the library's decorators away."""
        for decorator in found.decorator_list:
            if self.library(decorator.func if isinstance(decorator, ast.Call) else decorator):
                self.replace(
                    self.text.line(decorator.lineno),
                    self.text.line((decorator.end_lineno or 0) + 1),
                )
            else:
                self.visit(decorator)

    def visit_FunctionDef(self, found: Function) -> None:
        """A function keeps its text but for what is of the library."""
        self.decorators(found)
        arguments = found.args
        self.visit_each([*arguments.defaults, *arguments.kw_defaults])
        for argument in arguments_of(arguments):
            if argument.annotation is not None and self.library(argument.annotation):
                behind = self.text.start(argument) + len(argument.arg.encode())
                self.replace(behind, self.text.end(argument))
        if found.returns is not None and self.library(found.returns):
            arrow = self.text.raw.rindex(b"->", 0, self.text.start(found.returns))
            before = len(self.text.raw[:arrow].rstrip())
            self.replace(before, self.text.end(found.returns))
        self.scopes.append(bound_in(found))
        self.visit_each(found.body)
        self.scopes.pop()

    def visit_AsyncFunctionDef(self, found: ast.AsyncFunctionDef) -> None:
        """As `visit_FunctionDef`."""
        self.visit_FunctionDef(found)

    def visit_Lambda(self, found: ast.Lambda) -> None:
        """A lambda binds its arguments."""
        self.visit_each([*found.args.defaults, *found.args.kw_defaults])
        self.scopes.append({argument.arg: [] for argument in arguments_of(found.args)})
        self.visit(found.body)
        self.scopes.pop()

    def visit_ClassDef(self, found: ast.ClassDef) -> None:
        """A class loses the bases that are of the library."""
        self.decorators(found)
        self.bases(found)
        self.visit_each(found.body)

    def bases(self, found: ast.ClassDef) -> None:
        """Take the library's bases away."""
        if not any(map(self.library, found.bases)):
            return
        kept = [base for base in found.bases if not self.library(base)]
        words = [self.text.between(self.text.start(p), self.text.end(p)) for p in kept]
        words += [f"{k.arg}={ast.unparse(k.value)}" for k in found.keywords]
        start = self.text.raw.index(b"(", self.text.start(found))
        last = max(self.text.end(part) for part in [*found.bases, *found.keywords])
        end = self.text.raw.index(b")", last) + 1
        self.replace(start, end, f"({', '.join(words)})" if words else "")

    def visit_AnnAssign(self, found: ast.AnnAssign) -> None:
        """An annotation of the library's goes."""
        if not self.library(found.annotation):
            self.generic_visit(found)
        elif found.value is None:
            self.replace(self.text.start(found), self.text.end(found), "pass")
        else:
            self.replace(self.text.end(found.target), self.text.end(found.annotation))
            self.visit_each([found.target, found.value])

    def visit_ImportFrom(self, found: ast.ImportFrom) -> None:
        """An import of the library inside a function goes; what it named is remembered."""
        if found.level == 0 and (found.module or "").partition(".")[0] == "opto":
            module = importlib.import_module(found.module or "")
            self._forget(found, {a.asname or a.name: getattr(module, a.name) for a in found.names})

    def visit_Import(self, found: ast.Import) -> None:
        """As `visit_ImportFrom`."""
        named = {
            alias.asname or "opto": importlib.import_module(alias.name if alias.asname else "opto")
            for alias in found.names
            if alias.name.partition(".")[0] == "opto"
        }
        if len(named) == len(found.names):
            self._forget(found, named)

    def _forget(self, found: ast.stmt, named: dict[str, Any]) -> None:
        self.replace(self.text.start(found), self.text.end(found), "pass")
        self.names.update(named)
        for scope in self.scopes:
            for name in named:
                scope.pop(name, None)


def _around(part: ast.expr) -> tuple[str, str]:
    """The parentheses that `part` needs in whatever place it is put."""
    # Text in several pieces holds together only in parentheses.
    one_line = isinstance(part, ast.Constant) and part.lineno == part.end_lineno
    return ("", "") if one_line or isinstance(part, _WHOLE) else ("(", ")")
