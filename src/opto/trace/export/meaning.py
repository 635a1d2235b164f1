"""What stands behind an expression: which object, and whether it makes a node."""

from __future__ import annotations

import ast
import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.bundle import FunModule
from opto.trace.containers import ParameterContainer, members
from opto.trace.export.home import Home, names_of, of_the_library
from opto.trace.nodes import Node, ParameterNode, node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MAKERS", "MISSING", "Function", "Reader", "arguments_of", "bound_in", "unwrapped"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

MISSING = object()

MAKERS = (node, Node, ParameterNode)

# Built-in functions that answer by operators or parts of what they are given.
_PASSING = frozenset({
    "abs", "divmod", "iter", "list", "max", "min", "next", "pow", "reversed", "round", "sorted",
    "sum", "tuple",
})  # fmt: skip

_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def unwrapped(value: Any) -> Any:
    """What a static or class method holds."""
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


class Reader:
    """Looks names up where a piece of text stands. Nothing is run.

    Args:
        names: what names in the text stand for.
        members: what stands under the attributes of the object whose methods are read.
    """

    def __init__(self, names: Mapping[str, Any], members: Mapping[str, Any]) -> None:
        self.names: dict[str, Any] = dict(names)
        self.members: Mapping[str, Any] = members
        self.me: str | None = None
        self.scopes: list[dict[str, list[ast.expr]]] = []
        self._asked: set[Any] = set()

    def mangled(self, attribute: str) -> str:
        """`attribute` as the object knows it."""
        return attribute

    # -- what stands behind an expression ------------------------------------------------

    def value(self, expression: ast.expr) -> Any:
        """What a dotted name stands for, `MISSING` if that is not certain."""
        if isinstance(expression, ast.Name):
            local = any(expression.id in scope for scope in self.scopes)
            return MISSING if local else self.names.get(expression.id, MISSING)
        if not isinstance(expression, ast.Attribute):
            return MISSING
        if self.is_me(expression.value):
            return unwrapped(self.members.get(self.mangled(expression.attr), MISSING))
        base = self.value(expression.value)
        if isinstance(base, types.ModuleType | type):
            return unwrapped(inspect.getattr_static(base, expression.attr, MISSING))
        return MISSING

    def is_me(self, expression: ast.expr) -> bool:
        """Whether this is the object whose method is being read."""
        return isinstance(expression, ast.Name) and expression.id == self.me

    def library(self, expression: ast.AST) -> bool:
        """Whether a part of the library is named somewhere in `expression`."""
        for part in ast.walk(expression):
            if isinstance(part, ast.Name | ast.Attribute):
                value = self.value(part)
                value = value.func if isinstance(value, functools.partial) else value
                if value is not MISSING and of_the_library(value):
                    return True
        return False

    def makes_node(self, made: ast.expr) -> bool:
        """Whether `made` is certain to be a node when the program runs."""
        parts: list[ast.expr] = []
        if isinstance(made, ast.Await | ast.Subscript | ast.NamedExpr):
            parts = [made.value]
        elif isinstance(made, ast.BinOp):
            parts = [made.left, made.right]
        elif isinstance(made, ast.IfExp):
            parts = [made.body, made.orelse]
        elif isinstance(made, ast.BoolOp):
            parts = made.values
        elif isinstance(made, ast.UnaryOp) and not isinstance(made.op, ast.Not):
            parts = [made.operand]
        elif isinstance(made, ast.Compare) and isinstance(made.ops[0], _ORDERED):
            parts = [made.left, *made.comparators]
        elif isinstance(made, ast.Call):
            return self._call_makes_node(made)
        elif isinstance(made, ast.Name):
            return self._name_is_node(made)
        return any(map(self.makes_node, parts)) or isinstance(self.value(made), Node)

    def _call_makes_node(self, call: ast.Call) -> bool:
        target, method = self.value(call.func), call.func
        if isinstance(target, FunModule) or target is node:
            return True
        if isinstance(target, type):
            return issubclass(target, Node)
        if isinstance(method, ast.Attribute) and self.makes_node(method.value):
            return True
        if self._passes_on(method, target):
            return any(map(self.makes_node, call.args))
        known: Mapping[str, Any] = {}
        if isinstance(method, ast.Attribute) and self.is_me(method.value):
            known = self.members
        if isinstance(target, ParameterContainer):
            known = members(target)
            target = inspect.getattr_static(type(target), "forward", None)
        return self._returns_node(target, known)

    def _passes_on(self, function: ast.expr, target: Any) -> bool:
        """Whether a function of Python's own gives back nodes if it is given nodes."""
        if isinstance(function, ast.Name) and target is MISSING:
            local = any(function.id in scope for scope in self.scopes)
            return function.id in _PASSING and not local
        return (getattr(target, "__module__", None), _name(target)) == ("asyncio.runners", "run")

    def _returns_node(self, function: Any, known: Mapping[str, Any]) -> bool:
        """Whether a function returns a node somewhere."""
        if isinstance(function, FunModule):
            return True
        if not isinstance(function, types.FunctionType) or function in self._asked:
            return False
        try:
            home = Home.of(function, function.__qualname__)
            line = function.__code__.co_firstlineno
            found = home.definition(function.__qualname__, line)
        except StoreError:  # no text to read: nothing is certain
            return False
        if not isinstance(found, Function):
            return False
        inside = Reader(names_of(function, home), known)
        inside.me = found.args.args[0].arg if known and found.args.args else None
        inside.scopes.append(bound_in(found))
        inside._asked = self._asked | {function}
        returned = [part.value for part in ast.walk(found) if isinstance(part, ast.Return)]
        return any(inside.makes_node(value) for value in returned if value is not None)

    def _name_is_node(self, name: ast.Name) -> bool:
        for scope in reversed(self.scopes):
            if name.id in scope:
                if name.id in self._asked:
                    return False
                self._asked.add(name.id)
                # Once a node, always a node: programs do not mix the two in one variable.
                sure = any(map(self.makes_node, scope[name.id]))
                self._asked.discard(name.id)
                return sure
        return isinstance(self.value(name), Node)


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", ""))


def arguments_of(arguments: ast.arguments) -> Iterator[ast.arg]:
    """All arguments of a function, in no order that matters."""
    yield from [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    yield from (extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None)


def bound_in(function: Function) -> dict[str, list[ast.expr]]:
    """The names that a function binds, and what is known of what they are bound to.

    An argument that is annotated is bound to a call of the annotation, which makes a node
    if that is the class of nodes.
    """
    found: dict[str, list[ast.expr]] = {}
    for argument in arguments_of(function.args):
        kind = argument.annotation
        kind = kind.value if isinstance(kind, ast.Subscript) else kind
        found[argument.arg] = [] if kind is None else [ast.Call(kind, [], [])]
    todo: list[ast.AST] = list(function.body)
    while todo:
        here = todo.pop()
        if isinstance(here, Function | ast.ClassDef):
            found.setdefault(here.name, [])
            continue
        if isinstance(here, ast.Name) and isinstance(here.ctx, ast.Store):
            found.setdefault(here.id, [])
        for target, value in _assigned_in(here):
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
        todo.extend(ast.iter_child_nodes(here))
    return found


def _assigned_in(here: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets and what they get; parts of a node are nodes, so a part may stand for a whole."""
    if isinstance(here, ast.Assign):
        for target in here.targets:
            yield from _matched(target, here.value)
    elif isinstance(here, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and here.value:
        yield here.target, here.value
    elif isinstance(here, ast.For | ast.AsyncFor | ast.comprehension):
        yield from _matched(here.target, here.iter)


def _matched(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    several = ast.Tuple | ast.List
    if not isinstance(target, several):
        yield target, value
    elif isinstance(value, several) and len(value.elts) == len(target.elts):
        for part, given in zip(target.elts, value.elts, strict=True):
            yield from _matched(part, given)
    else:
        for part in target.elts:
            yield from _matched(part, value)
