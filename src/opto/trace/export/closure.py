"""What an object needs to run by itself: its classes, and all that they name."""

from __future__ import annotations

import ast
import importlib.util
import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.bundle import FunModule
from opto.trace.export.classes import objects_in, original_of, read_classes
from opto.trace.export.home import (
    Home,
    bare,
    bound_by,
    closure_of,
    names_in,
    names_of,
    of_the_library,
    some_line,
    touches,
    uses_library,
)
from opto.trace.export.literals import holds_parameters, literal, plain
from opto.trace.export.meaning import Function
from opto.trace.export.rewrite import Rewriter
from opto.trace.export.text import dedented
from opto.trace.export.trained import (
    Part,
    TrainedClass,
    first_line,
    trained_code,
    with_comments,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opto.trace.modules import Module

__all__ = ["Closure", "Item"]

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Item:
    """One part of the file.

    Args:
        kind: 0 for an import, 1 for a value, 2 for a definition.
        home: where it was found.
        line: where in that.
        text: its text.
    """

    kind: int
    home: Home | None
    line: int
    text: str


class Closure:
    """The parts of the file, found from what is exported.

    Args:
        thing: a module, an object of a `model` class, or a bundled function.

    Raises:
        StoreError: something has no plain form.
    """

    def __init__(self, thing: Module) -> None:
        self.items: list[Item] = []
        self.futures: set[str] = set()
        self._homes: dict[tuple[str, int], Home] = {}
        self._meaning: dict[str, Any] = {}
        self._done: set[tuple[Any, ...]] = set()
        self._readers: Mapping[type, TrainedClass] = {}
        # Which name was found where, and which home takes which name.
        self._found: dict[str, Home] = {}
        self._taken: dict[Home, list[str]] = {}
        if isinstance(thing, FunModule):
            self._by_value(bare(thing).__name__, thing, None)
            return
        objects = list(objects_in(thing))
        self._readers = read_classes(objects, self._definition)
        for held in reversed(objects):
            self._by_value(type(held).__name__, type(held), None)

    def blocks(self) -> list[str]:
        """The texts of all parts, in an order in which they can be run."""
        rank = self._ranks()

        def key(item: Item) -> tuple[Any, ...]:
            if item.kind < 2 or item.home is None:
                return item.kind, item.text
            return item.kind, rank[item.home], item.line

        return list(dict.fromkeys(item.text for item in sorted(self.items, key=key)))

    # -- names ---------------------------------------------------------------------------

    def _ranks(self) -> dict[Home, int]:
        """Homes by number, each after those that it takes something from."""
        ranks: dict[Home, int] = {}
        opened: set[Home] = set()

        def visit(home: Home) -> None:
            opened.add(home)
            for name in self._taken[home]:
                below = self._found.get(name)
                if below is not None and below not in opened:
                    visit(below)
            ranks[home] = len(ranks)

        for home in self._taken:
            if home not in opened:
                visit(home)
        return ranks

    def _need_all(
        self, text: str, names: Mapping[str, Any], home: Home, around: Iterable[str]
    ) -> None:
        """See that every name in `text` will mean what it means in `names`."""
        bound, used = names_in(text)
        self._found.update(dict.fromkeys(bound, home))
        self._taken.setdefault(home, []).extend(sorted(used))
        for name in sorted(used):
            if name not in names or (name.startswith("__") and name.endswith("__")):
                continue
            if of_the_library(names[name]):
                raise StoreError(
                    f"what is to be exported from {home.file} uses {_use_of(name, text)}\n"
                    f"A plain file cannot have that. Keep what trains out of the class, and put "
                    f"calls of a model into a bundled function of your own"
                )
            self._need(name, names[name], None if name in around else home, home)

    def _need(self, name: str, value: Any, home: Home | None, asker: Home) -> None:
        """See that `name` will stand for `value`, which it is bound to in `home` if given."""
        if not self._mean(name, value):
            return
        binders = home.binders(name) if home is not None else []
        binders = [node for node in binders if not _is_main_guard(node)]
        if not binders:
            self._by_value(name, value, asker)
        for node in binders:
            self._statement(node, name, value, home or asker)

    def _mean(self, name: str, value: Any) -> bool:
        """Take note of what `name` means; False if that was known."""
        known = self._meaning.setdefault(name, value)
        if known is not value:
            raise StoreError(
                f"two different things are called {name} in what is to be exported: {known!r} and "
                f"{value!r}; rename one"
            )
        fresh = ("name", name) not in self._done
        self._done.add(("name", name))
        return fresh

    def _statement(self, node: ast.stmt, name: str, value: Any, home: Home) -> None:
        if isinstance(node, ast.ImportFrom):
            self._from(node, name, value, home)
        elif isinstance(node, ast.Import):
            self._module(value, home)
            self._import(node, name, home)
        elif isinstance(node, Function | ast.ClassDef):
            self._define(value, home, node)
        elif ("line", home, node.lineno) not in self._done:
            self._done.add(("line", home, node.lineno))
            self._assignment(node, name, value, home)

    def _from(self, node: ast.ImportFrom, name: str, value: Any, home: Home) -> None:
        """An import; what comes from a module that uses the library is written out instead."""
        module: Any = sys.modules.get(_absolute(node, home))
        if isinstance(value, types.ModuleType):
            self._module(value, home)
        if isinstance(value, types.ModuleType) or not uses_library(module):
            self._import(node, name, home)
        elif isinstance(value, type | types.FunctionType | FunModule):
            self._by_value(name, value, home)
        else:
            origin = next(a.name for a in node.names if (a.asname or a.name) == name)
            there = Home.of(module, module.__name__)
            there = self._homes.setdefault((there.file, id(there.names)), there)
            if self._mean(origin, value) or origin == name:
                for binder in there.binders(origin):
                    self._statement(binder, origin, value, there)
            if origin != name:
                self._alias(name, origin, home, node.lineno)

    def _module(self, module: Any, home: Home) -> None:
        if uses_library(module):
            raise StoreError(
                f"{home.file} uses the module {module.__name__} as a whole, which needs this "
                f"library; import the names that are needed: from {module.__name__} import ..."
            )

    def _assignment(self, node: ast.stmt, name: str, value: Any, home: Home) -> None:
        if holds_parameters(value) and isinstance(node, ast.Assign | ast.AnnAssign):
            text = f"{name} = {literal(plain(value), name)}"
        elif isinstance(value, FunModule) and value.parameter is not None:
            known = bare(value).__name__
            original = home.text, node
            code, parts = trained_code(value.parameter, known, name, original, home.names)
            self._parts(parts, home, node.lineno, home.names)
            self._add(2, home, node.lineno, code, None)
            text = "" if known == name else f"{name} = {known}"
        else:
            rewriter = Rewriter(home.text, home.names, name)
            rewriter.visit(node)
            end = home.text.line((node.end_lineno or 0) + 1)
            text = home.text.edited(home.text.line(node.lineno), end, rewriter.edits).rstrip()
        self._add(2, home, node.lineno, text, home.names)

    def _import(self, node: ast.Import | ast.ImportFrom, name: str, home: Home) -> None:
        if isinstance(node, ast.Import):
            lines = [
                f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                for alias in node.names
                if (alias.asname or alias.name).partition(".")[0] == name
            ]
        else:
            path = _absolute(node, home)
            lines = [
                f"from {path} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                for alias in node.names
                if (alias.asname or alias.name) == name
            ]
        for line in lines:
            self.items.append(Item(0, home, node.lineno, line))

    # -- things --------------------------------------------------------------------------

    def _by_value(self, name: str, value: Any, asker: Home | None) -> None:
        """Give `name` its meaning without a statement that does: from what it stands for."""
        self._mean(name, value)
        named = isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | FunModule)
        if isinstance(value, types.ModuleType):
            if asker is not None:
                self._module(value, asker)
            short = value.__name__ == name
            line = f"import {value.__name__}" + ("" if short else f" as {name}")
            self.items.append(Item(0, None, 0, line))
        elif named and _importable(value):
            short = value.__name__ == name
            line = f"from {value.__module__} import {value.__name__}"
            self.items.append(Item(0, None, 0, line if short else f"{line} as {name}"))
        elif named and not isinstance(value, types.BuiltinFunctionType):
            original = original_of(value) if isinstance(value, type) else bare(value)
            home, node = self._definition(original)
            self._define(value, home, node)
            if node.name != name:
                self._mean(node.name, value)
                self._alias(name, node.name, home, node.lineno)
        else:
            where = f"{name}, which {asker.module if asker else 'the class'} uses,"
            self.items.append(Item(1, None, 0, f"{name} = {literal(plain(value), where)}"))

    def _definition(self, original: Any) -> tuple[Home, Any]:
        """The home of a class or function, and its node there."""
        found = Home.of(original, original.__qualname__)
        home = self._homes.setdefault((found.file, id(found.names)), found)
        return home, home.definition(original.__qualname__, some_line(original))

    def _define(self, value: Any, home: Home, node: Any) -> None:
        """Write the class or function `value`, which stands in its home as `node`."""
        if ("line", home, node.lineno) in self._done:
            return
        self._done.add(("line", home, node.lineno))
        original = original_of(value) if isinstance(value, type) else bare(value)
        names, around = names_of(original, home), set(closure_of(original))
        if isinstance(value, FunModule) and value.parameter is not None:
            here, what = (home.text, node), original.__qualname__
            code, parts = trained_code(value.parameter, node.name, what, here, names)
            self._parts(parts, home, node.lineno, names, around)
            self._add(2, home, node.lineno, code, names, around)
            return
        if original in self._readers:
            reader: Rewriter = self._readers[original]
            self._parts(self._readers[original].helpers, home, node.lineno, names, around)
        else:
            reader = Rewriter(home.text, names, node.name)
            reader.visit(node)
        start = home.text.line(with_comments(home.text, first_line(node)))
        text = home.text.edited(start, home.text.line((node.end_lineno or 0) + 1), reader.edits)
        lead = home.text.raw[home.text.line(node.lineno) : home.text.start(node)].decode()
        self._add(2, home, node.lineno, dedented(text, lead).strip("\n"), names, around)

    def _parts(
        self,
        parts: Iterable[Part],
        home: Home,
        line: int,
        names: Mapping[str, Any],
        around: Iterable[str] = (),
    ) -> None:
        """Take in what stands beside a function in its code parameter."""
        for part in parts:
            if isinstance(part.node, ast.Import | ast.ImportFrom):
                for name in bound_by(part.node):
                    if self._mean(name, _imported(part.node, name)):
                        self._import(part.node, name, home)
                continue
            for name in bound_by(part.node):
                # The same text in two codes is one helper.
                self._mean(name, sys.intern(part.text))
            self._add(2, home, line, part.text, names, around)

    def _add(
        self,
        kind: int,
        home: Home,
        line: int,
        text: str,
        names: Mapping[str, Any] | None,
        around: Iterable[str] = (),
    ) -> None:
        """Take a part in, and all that it needs before it."""
        self.futures |= _futures(home)
        self._need_all(text, home.names if names is None else names, home, around)
        if text:
            self.items.append(Item(kind, home, line, text))

    def _alias(self, name: str, other: str, home: Home, line: int) -> None:
        """Let `name` mean what `other` means."""
        self._found[name] = home
        self._taken.setdefault(home, []).append(other)
        self.items.append(Item(2, home, line, f"{name} = {other}"))


def _use_of(name: str, text: str) -> str:
    """The expression with `name` in `text`, as far as it is dotted, and its line."""
    for found in ast.walk(ast.parse(text)):
        root = found
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id == name:
            line = text.split("\n")[root.lineno - 1].strip()
            return f"{ast.unparse(found)} of this library, in the line\n    {line}"
    return f"{name} of this library"


def _importable(value: Any) -> bool:
    module = sys.modules.get(value.__module__ or "")
    found = getattr(module, value.__name__, _NOTHING)
    needs = touches(value) or uses_library(module)
    return found is value and value.__module__ != "__main__" and not needs


def _absolute(node: ast.ImportFrom, home: Home) -> str:
    """The full name of the module that something is imported from."""
    path = "." * node.level + (node.module or "")
    package = home.names.get("__package__") or ""
    if node.level and not package:
        raise StoreError(f"{home.file} imports from {path}, but stands outside of a package")
    return importlib.util.resolve_name(path, package) if node.level else path


def _imported(node: ast.Import | ast.ImportFrom, name: str) -> Any:
    """What an import binds, if it has been run; the text of it otherwise."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            full = alias.name if alias.asname else alias.name.partition(".")[0]
            if (alias.asname or full) == name:
                return sys.modules.get(full, sys.intern(ast.unparse(node)))
        elif (alias.asname or alias.name) == name:
            module = sys.modules.get(node.module or "")
            return getattr(module, alias.name, sys.intern(ast.unparse(node)))
    return None


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _futures(home: Home) -> set[str]:
    found = (
        n for n in home.tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"
    )
    return {alias.name for node in found for alias in node.names}
