"""What holds parameters: objects whose attributes are parameters, lists and maps of them.

A container is read without running anything of the user's: properties and other
descriptors stay asleep. The one thing that is asked for is a trainable method, so
that each instance has a code parameter of its own.
"""

from __future__ import annotations

import copy
import functools
import types
from collections import UserDict, UserList
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import BundleError, NodeError
from opto.trace.nodes import Node, ParameterNode
from opto.trace.packing import NodeContainer, TakesNodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "RESERVED",
    "Map",
    "NodeContainer",
    "ParameterContainer",
    "Place",
    "Seq",
    "members",
    "operation",
    "places",
    "trainable_method",
]

# What the library itself keeps in an instance's dictionary begins with this.
RESERVED = "__TRACE_RESERVED_"

_PARTIALS = (functools.partial, functools.partialmethod)


def operation(thing: object) -> bool:
    """Whether `thing` is the result of `bundle`, trainable or not."""
    # A bound class method keeps its function behind `__func__`.
    thing = thing.__func__ if isinstance(thing, types.MethodType) else thing
    return isinstance(thing, TakesNodes)


def trainable_method(obj: object) -> bool:
    """Whether `obj` is a bundled function whose code is a parameter.

    Args:
        obj: anything; a method taken from an instance, for example.

    Returns:
        True when ``obj.parameter`` is the parameter that holds its code.

    Example:
        >>> trainable_method(print)
        False
    """
    return operation(obj) and isinstance(obj.parameter, ParameterNode)  # type: ignore[attr-defined]


def members(thing: object) -> dict[str, object]:
    """What stands under each attribute name of `thing`, with no descriptor run.

    The instance hides its class, a class hides its bases, as in Python. Slots are read,
    because no code of the user's stands behind them.
    """
    found: dict[str, object] = {}
    for cls in reversed(type(thing).__mro__):
        found.update(vars(cls))
    for name, value in list(found.items()):
        if isinstance(value, types.MemberDescriptorType):
            try:
                found[name] = value.__get__(thing)
            except AttributeError:  # a slot that was never filled
                del found[name]
    found.update(getattr(thing, "__dict__", {}))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """One parameter and the way to it.

    Args:
        path: attribute names, list positions and map keys, from the outermost container.
        parameter: the parameter that stands there.
        code: whether it is the code of a trainable method.
    """

    path: tuple[str, ...]
    parameter: ParameterNode[Any]
    code: bool


class ParameterContainer(NodeContainer):
    """Something whose attributes are parameters, trainable methods or further containers.

    Plain lists, dictionaries and tuples of parameters are not looked into; use `Seq`
    and `Map` for those.

    Example:
        >>> from opto.trace.nodes import node
        >>> class Prompts(ParameterContainer):
        ...     def __init__(self):
        ...         self.user = node("Hi", trainable=True)
        ...         self.system = node("Be brief", trainable=True)
        >>> [p.data for p in Prompts().parameters()]
        ['Be brief', 'Hi']
    """

    def parameters(self) -> list[ParameterNode[Any]]:
        """All parameters in and below this container.

        Returns:
            One list, in alphabetical order of attributes, depth first. A parameter that
            is reachable in several ways stands in it once.
        """
        found: dict[ParameterNode[Any], None] = {}
        opened: set[int] = set()
        todo: list[object] = [self]
        while todo:
            item = todo.pop()
            if isinstance(item, ParameterNode):
                found.setdefault(item)
            elif id(item) not in opened and isinstance(item, ParameterContainer):
                opened.add(id(item))
                todo.extend(reversed(item._inside(self)))
        return list(found)

    def _inside(self, asker: ParameterContainer) -> Sequence[object]:
        # A class that says itself which parameters it has is believed, wherever it stands.
        if self is not asker and type(self).parameters is not ParameterContainer.parameters:
            return self.parameters()
        return list(self.parameters_dict().values())

    def parameters_dict(self) -> dict[Any, ParameterNode[Any] | ParameterContainer]:
        """Parameters and containers by attribute name, in alphabetical order.

        Returns:
            For a parameter, trainable or not, the parameter; for a trainable method its
            code parameter; for a container the container.

        Raises:
            BundleError: a trainable method is wrapped by `functools.partial`, which hides
                the parameter that is its code.
        """
        return {name: item for name, item, _ in _attributes(self)}

    def _entries(self) -> Iterator[tuple[str, ParameterNode[Any] | ParameterContainer, bool]]:
        """Name, item, whether it is code; names hold from one run to the next."""
        return _attributes(self)

    def copy(self) -> Any:
        """A deep copy that shares the parameters with the original.

        Everything else is copied, so the copy can hold other state while an update of a
        parameter is seen by both.

        Example:
            >>> from opto.trace.nodes import node
            >>> class Agent(ParameterContainer):
            ...     def __init__(self):
            ...         self.prompt, self.seen = node("Hi", trainable=True), []
            >>> one = Agent()
            >>> two = one.copy()
            >>> two.prompt is one.prompt, two.seen is one.seen
            (True, False)
        """
        shared: dict[int, Any] = {id(p.parameter): p.parameter for p in places(self)}
        return copy.deepcopy(self, shared)


def _attributes(
    thing: ParameterContainer,
) -> Iterator[tuple[str, ParameterNode[Any] | ParameterContainer, bool]]:
    for name, value in sorted(members(thing).items()):
        if name.startswith(RESERVED):
            continue
        if isinstance(value, ParameterNode):
            yield name, value, False
        elif isinstance(value, _PARTIALS):
            _refuse_partial(thing, name, value)
        elif trainable_method(_unwrapped(value)):
            # Reading it makes the instance's own copy, with its own code parameter.
            method = getattr(thing, name)
            yield name, method.parameter, True
        elif isinstance(value, ParameterContainer) and not operation(value):
            yield name, value, False


def _unwrapped(value: object) -> object:
    """The function inside a static or class method."""
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _refuse_partial(thing: object, name: str, partial: Any) -> None:
    if trainable_method(_unwrapped(partial.func)):
        raise BundleError(
            f"{type(thing).__name__}.{name} is a functools.partial of a trainable function, which "
            f"hides the parameter that is its code; bind the arguments in a method that calls the "
            f"function, or give them as defaults"
        )


def places(container: ParameterContainer) -> Iterator[Place]:
    """Every parameter in and below `container` with the way to it, for saving and copying.

    A container that is met again, through a cycle or because it is shared, is not
    opened again; a parameter that has two names comes twice.
    """
    opened: set[int] = set()
    todo: list[tuple[tuple[str, ...], Any, bool]] = [((), container, False)]
    while todo:
        path, item, code = todo.pop()
        if isinstance(item, ParameterNode):
            yield Place(path, item, code)
        elif id(item) not in opened:
            opened.add(id(item))
            inside = [((*path, name), below, is_code) for name, below, is_code in item._entries()]
            todo.extend(reversed(inside))


class Seq(UserList[Any], ParameterContainer):
    """A list whose parameters and containers count as parameters.

    Args:
        items: the items themselves, or one sequence of them.

    Example:
        >>> from opto.trace.nodes import node
        >>> [p.data for p in Seq(node(1, trainable=True), node(2, trainable=True)).parameters()]
        [1, 2]
    """

    def __init__(self, *items: Any) -> None:
        only = items[0] if len(items) == 1 else None
        whole = isinstance(only, Sequence) and not isinstance(only, str | bytes)
        super().__init__(only if whole else items)

    def parameters_dict(self) -> dict[Any, ParameterNode[Any] | ParameterContainer]:
        """Parameters by node name, containers by their text, in the list's order."""
        found: dict[Any, ParameterNode[Any] | ParameterContainer] = {}
        for index, (_, item, _) in enumerate(self._entries()):
            key = item.name if isinstance(item, ParameterNode) else str(item)
            # Two containers may read alike, as two empty ones do.
            clash = key in found and found[key] is not item
            found[f"{key}[{index}]" if clash else key] = item
        return found

    def _entries(self) -> Iterator[tuple[str, ParameterNode[Any] | ParameterContainer, bool]]:
        for index, item in enumerate(self.data):
            if trainable_method(item):
                yield str(index), item.parameter, True
            elif isinstance(item, ParameterNode | ParameterContainer) and not operation(item):
                yield str(index), item, False


class Map(UserDict[Any, Any], ParameterContainer):
    """A dictionary whose parameters and containers count as parameters.

    A key may be a parameter too.

    Args:
        mapping: the entries.

    Raises:
        NodeError: a key is a container.

    Example:
        >>> from opto.trace.nodes import node
        >>> Map({"a": node(1, trainable=True)}).parameters_dict()["a"].data
        1
    """

    def __init__(self, mapping: Mapping[Any, Any] | None = None) -> None:
        super().__init__({} if mapping is None else mapping)

    def __setitem__(self, key: Any, item: Any) -> None:
        if isinstance(key, ParameterContainer):
            raise NodeError(
                f"a {type(key).__name__} cannot be the key of a Map; use a parameter or a plain "
                f"value as key and put the container under it"
            )
        super().__setitem__(key, item)

    def parameters_dict(self) -> dict[Any, ParameterNode[Any] | ParameterContainer]:
        """Values by their key, parameters that are keys by their text, in the map's order."""
        found: dict[Any, ParameterNode[Any] | ParameterContainer] = {}
        for key, value in self.data.items():
            if isinstance(key, ParameterNode):
                found[str(key)] = key
            if trainable_method(value):
                found[key] = value.parameter
            elif isinstance(value, ParameterNode | ParameterContainer) and not operation(value):
                found[key] = value
        return found

    def _entries(self) -> Iterator[tuple[str, ParameterNode[Any] | ParameterContainer, bool]]:
        for index, (key, value) in enumerate(self.data.items()):
            # Text stands for itself; `repr` keeps 1 apart from "1"; a node has no lasting text.
            name = key if type(key) is str else f"[{index if isinstance(key, Node) else repr(key)}]"
            if isinstance(key, ParameterNode):
                yield f"{name}.key", key, False
            if trainable_method(value):
                yield name, value.parameter, True
            elif isinstance(value, ParameterNode | ParameterContainer) and not operation(value):
                yield name, value, False
