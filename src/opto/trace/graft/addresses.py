"""The nodes that a program uses by the names of modules, and where to find them again.

A function travels by its name: the other process imports it, and with it a parameter of
its own for each of ours that stands in a module or a class. An `Address` says which of
theirs is which of ours.
"""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import dataclass
from itertools import count
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from opto.trace.bundle import FunModule
from opto.trace.containers import RESERVED, ParameterContainer
from opto.trace.value import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "SELF",
    "Address",
    "Finder",
    "address_of",
    "bind_all",
    "bundled",
    "standing",
    "used_by",
]

SELF = "self"  # as the last step of a way: the node that stands for the object itself

_PYTHON_AND_OURS = (sys.stdlib_module_names | {"opto"}) - {"__main__"}
_INSTALLED = ("site-packages", "dist-packages")
_WALKED = (type, FunctionType, FunModule, MethodType, functools.partial)
_ATOMS = frozenset((int, str, float, bool, type(None), bytes, complex))

# How far is looked for nodes in what has a name. What lies beyond is refused if it is used.
_DEEPEST = 4
_MOST = 1000

_Found = tuple["Address", Any]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node stands.

    Attributes:
        module: the name of a module.
        path: attribute names from there on, such as ``("Agent", "act")``.
        inside: the way on from what stands there, if that is not the node itself.
    """

    module: str
    path: tuple[str, ...]
    inside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.module, *self.path, *self.inside))


class Finder:
    """Finds the nodes that stand at addresses in this process; looks at each name once."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], Any]] = {}

    def node(self, address: Address) -> Any:
        """The node that stands there, or None if there is none."""
        name = address.module, address.path
        if name not in self._held:
            self._held[name] = dict(_held(standing(*name)))
        return self._held[name].get(address.inside)


def standing(module: str, path: Iterable[str]) -> Any:
    """What stands there in this process, or None if there is nothing."""
    value: Any = sys.modules.get(module)
    try:
        for name in path:
            value = inspect.getattr_static(value, name)
    except AttributeError:
        return None
    return _plain(value)


def _held(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The nodes in what stands somewhere, and the way to each."""
    for way, part in _parts(value):
        if isinstance(part, Node):
            yield way, part
        elif isinstance(part, FunModule):
            if part.parameter is not None:
                yield way, part.parameter
        elif not isinstance(part, type) and (forms := bind_all(part, bundled(type(part)))):
            yield (*way, SELF), forms[0]._self_node
            for form in forms:
                if form.parameter is not None:
                    yield (*way, form._attribute), form.parameter


def _parts(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What stands somewhere and what is in it, as far as the limits go, with the way to each."""
    todo: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        way, part = todo.pop()
        part = _plain(part)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield way, part
        if len(way) < _DEEPEST:
            inside = [(name, v) for name, v in _inside(part) if type(v) not in _ATOMS]
            todo += [((*way, name), v) for name, v in reversed(inside)]


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    kind = type(value)
    if kind in (list, tuple, dict):
        return _items(value)
    if kind is FunctionType:
        return _kept_by(value)
    if issubclass(kind, FunModule):
        return (("function", value._original),)
    if issubclass(kind, (Node, type, ModuleType)):
        return ()
    if _foreign(kind.__module__) and not issubclass(kind, ParameterContainer):
        return ()
    kept = getattr(value, "__dict__", {})
    return [(name, part) for name, part in list(kept.items()) if not name.startswith(RESERVED)]


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    # Copies, because another thread may change them meanwhile.
    items = list(value.values() if type(value) is dict else value)
    # One pass in C over the types decides for long lists of plain values.
    if _ATOMS.issuperset(map(type, items)):
        return ()
    names = map(repr, list(value)) if type(value) is dict else map(str, count())
    return zip(names, items[:_MOST])  # noqa: B905


def _kept_by(fun: FunctionType) -> Iterable[tuple[str, Any]]:
    cells = [_content(cell) for cell in fun.__closure__ or ()]
    defaults = [
        *((str(i), default) for i, default in enumerate(fun.__defaults__ or ())),
        *(fun.__kwdefaults__ or {}).items(),
    ]
    return [
        *((f"closure {i}", content) for i, content in enumerate(cells)),
        *((f"default {name}", default) for name, default in defaults),
    ]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is not filled yet
        return None


def bundled(kind: type) -> tuple[str, ...]:
    """The names of the bundled methods of a class, that are bound to its instances."""
    owners = [c for c in reversed(kind.__mro__) if not _foreign(c.__module__)]
    if not owners:
        return ()
    found = {n: v for c in owners for n, v in vars(c).items()}
    return tuple(n for n, v in found.items() if type(v) is FunModule and v._kind == "instance")


def bind_all(thing: Any, names: Sequence[str]) -> list[Any]:
    """The forms of bundled methods that an object has; made now, if it has them not yet.

    An instance gets code of its own, and the node that stands for it, when a method is
    first asked for. Where it is sent, that must happen before.
    """
    return [getattr(thing, name) for name in names] if names and hasattr(thing, "__dict__") else []


def _plain(value: Any) -> Any:
    return value.__func__ if isinstance(value, (staticmethod, classmethod)) else value


def address_of(node: Any, modules: Iterable[str]) -> Address | None:
    """Where `node` stands in one of these modules. Costs a look at all that they hold."""
    for name in list(modules):
        module = sys.modules.get(name)
        if isinstance(module, ModuleType) and not _foreign(name):
            for path, value in _members(module):
                for inside, held in _held(value):
                    if held is node:
                        return Address(name, path, inside)
    return None


def _members(module: ModuleType) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in list(vars(module).items()):
        yield (name,), value
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from (((name, n), v) for n, v in list(vars(value).items()))


def used_by(things: Iterable[Any], seen: set[int]) -> Iterator[_Found]:
    """The nodes that functions and classes may use by name, with their addresses.

    Their code is read, and that of what it calls by name, as far as it is the user's.

    Args:
        things: functions and classes.
        seen: the `id` of what was looked at before; it is added to.
    """
    todo = list(things)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            yield from _of_class(thing, todo)
        elif isinstance(thing, FunModule):
            todo += [thing._original, *_rewritten(thing)]
            path = tuple(thing.__qualname__.split("."))
            if thing.parameter is not None and standing(thing.__module__, path) is thing:
                yield Address(thing.__module__, path), thing.parameter
        elif isinstance(thing, MethodType):
            todo += [thing.__func__, type(thing.__self__)]
        elif isinstance(thing, functools.partial):
            todo.append(thing.func)
        elif isinstance(thing, FunctionType):
            yield from _of_function(thing, todo)


def _rewritten(thing: FunModule) -> list[Any]:
    """The code of a trainable function as it is now, if it was changed."""
    code = thing.parameter
    if code is None:
        return []
    try:
        return [thing.fun]
    except Exception:  # noqa: BLE001 - it does not compile: the call will say so, there as here
        return []


def _of_class(cls: type, todo: list[Any]) -> Iterator[_Found]:
    for owner in cls.__mro__:
        if _foreign(owner.__module__):
            continue
        path = tuple(owner.__qualname__.split("."))
        for name, value in list(vars(owner).items()):
            if isinstance(value, property):
                todo += [part for part in (value.fget, value.fset) if part is not None]
            yield from _at(owner.__module__, (*path, name), value, todo)


def _of_function(fun: FunctionType, todo: list[Any]) -> Iterator[_Found]:
    if _foreign(fun.__globals__.get("__name__", "")):
        return
    names = _names(fun.__code__)
    # An import inside the function has the name of the module among its words.
    imported: list[Any] = [sys.modules[name] for name in names & sys.modules.keys()]
    spaces = [fun.__globals__, *(vars(m) for m in imported if isinstance(m, ModuleType))]
    opened: set[int] = set()
    while spaces:
        space = spaces.pop()
        module = space.get("__name__", "")
        if id(space) in opened or _foreign(module):
            continue
        opened.add(id(space))
        for name in sorted(names & space.keys()):
            value = space[name]
            if isinstance(value, ModuleType):
                # What is written as `module.name` stands under both words.
                spaces.append(vars(value))
            else:
                yield from _at(module, (name,), value, todo)
    path = tuple(fun.__qualname__.split("."))
    if standing(fun.__module__, path) is fun:
        yield from _at(fun.__module__, path, fun, todo)


def _at(module: str, path: tuple[str, ...], value: Any, todo: list[Any]) -> Iterator[_Found]:
    todo += [part if isinstance(part, _WALKED) else type(part) for _, part in _parts(value)]
    if "<locals>" not in path:
        yield from ((Address(module, path, inside), node) for inside, node in _held(value))


def _names(code: CodeType) -> set[str]:
    """The global names and attributes in code and in what is defined in it."""
    names: set[str] = set()
    todo = [code]
    while todo:
        code = todo.pop()
        names.update(code.co_names)
        todo += [const for const in code.co_consts if isinstance(const, CodeType)]
    return names


def _foreign(module: str) -> bool:
    """Whether a module is Python's, ours or installed: the programs of users are not there."""
    top = module.partition(".")[0]
    if top in _PYTHON_AND_OURS:
        return True
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return any(folder in file for folder in _INSTALLED)
