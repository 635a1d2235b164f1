"""The classes that make up an object, and what of its parameters each of them writes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.containers import RESERVED, Map, ParameterContainer, Seq, members, operation
from opto.trace.export.home import (
    Home,
    names_of,
    of_the_library,
    touches,
    uses_library,
)
from opto.trace.export.literals import holds_parameters
from opto.trace.export.meaning import Function
from opto.trace.export.trained import TrainedClass
from opto.trace.modules import Model, Module

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator

__all__ = ["objects_in", "original_of", "read_classes"]


def objects_in(thing: Any) -> Iterator[Any]:
    """The object and the objects with parameters in it, each once."""
    opened: set[int] = set()
    todo = [thing]
    while todo:
        held = todo.pop()
        if id(held) in opened or not isinstance(held, ParameterContainer) or operation(held):
            continue
        opened.add(id(held))
        if not isinstance(held, Seq | Map):
            yield held
        todo.extend(reversed(list(held.parameters_dict().values())))


def original_of(cls: type) -> type:
    """The class that the user wrote, of one that `model` made."""
    return cls.__bases__[0] if Model in cls.__bases__ else cls


def own_classes(cls: type) -> list[type]:
    """The classes of the user's in which parameters of `cls` may be made, nearest first."""
    return [
        base
        for base in cls.__mro__
        if not of_the_library(base) and original_of(base) is base and _may_make(base)
    ]


def _may_make(cls: type) -> bool:
    return touches(cls) or uses_library(sys.modules.get(cls.__module__))


def read_classes(
    objects: list[Any], definition: Callable[[type], tuple[Home, Any]]
) -> dict[type, TrainedClass]:
    """Visit the classes of all objects, each class with all the objects that it has.

    Args:
        objects: the objects.
        definition: finds the home of a class and its node there.

    Raises:
        StoreError: what an object has learned has no place in its classes.
    """
    held: dict[type, list[Any]] = {}
    for thing in objects:
        for cls in own_classes(type(thing)):
            held.setdefault(cls, []).append(thing)
    readers: dict[type, TrainedClass] = {}
    nodes: dict[type, ast.ClassDef] = {}
    for cls, things in held.items():
        home, nodes[cls] = definition(cls)
        names, known = names_of(cls, home), members(things[0])
        readers[cls] = TrainedClass(home.text, names, cls.__qualname__, known, things, cls)
        readers[cls].trained(nodes[cls], calls=_calls_forward(cls, things[0]))
    for thing in objects:
        _assign_the_rest(thing, readers, nodes)
    return readers


def _calls_forward(cls: type, thing: Any) -> bool:
    """Whether it is the library that lets objects of the class be called."""
    own = [base for base in type(thing).__mro__ if not of_the_library(base)]
    written = any("__call__" in vars(base) for base in own)
    return isinstance(thing, Module) and "forward" in vars(cls) and not written


def _assign_the_rest(
    thing: Any, readers: dict[type, TrainedClass], nodes: dict[type, ast.ClassDef]
) -> None:
    """Parameters of an object that no class assigns are assigned last in ``__init__``."""
    classes = own_classes(type(thing))
    written = set().union(*(readers[cls].written for cls in classes))
    left = []
    for name, value in sorted(vars(thing).items()):
        if name.startswith(RESERVED) or name in written:
            continue
        if holds_parameters(value):
            left.append(name)
        elif operation(value) and value.parameter is not None:
            _refuse_private(thing, name, value, readers[classes[0]])
    if not left:
        return
    for cls in classes:
        for statement in nodes[cls].body:
            if isinstance(statement, Function) and statement.name == "__init__":
                readers[cls].at_the_end(statement, left)
                readers[cls].written.update(left)
                return
    raise StoreError(
        f"{type(thing).__name__} has no __init__ to write {', '.join(left)} into; make the "
        f"parameters in an __init__ of the class"
    )


def _refuse_private(thing: Any, name: str, function: Any, reader: TrainedClass) -> None:
    if all(value is not function for value in reader.names.values()):
        raise StoreError(
            f"{type(thing).__name__}.{name} is a trainable function that only this object has; "
            f"make it a method of the class or a function of the module"
        )
