"""Plain containers with nodes in them: told apart, taken apart, made into nodes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from opto.errors import NodeError
from opto.trace.nodes import Node, derive
from opto.trace.table import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NodeContainer", "TakesNodes", "holds_nodes", "mapped", "nodes_in", "packed", "to_data"]


class NodeContainer:
    """A mark: attributes of an instance may be nodes, and calls look into them.

    Example:
        >>> class Pair(NodeContainer):
        ...     def __init__(self, left, right):
        ...         self.left, self.right = left, right
    """


class TakesNodes:
    """A mark: called with nodes as they are, because it records the call itself."""

    __slots__ = ()
    parameter: Any


_MAKES: dict[Any, str] = {
    list: "make_list",
    tuple: "make_tuple",
    dict: "make_dict",
    set: "make_set",
}


def _items(value: Any) -> list[tuple[str, Any]] | None:
    """The parts of a container by name, or None for anything else."""
    kind = type(value)
    if kind is list or kind is tuple or kind is set:
        return [(f"args_{i}", item) for i, item in enumerate(value)]
    if kind is dict:
        return [(str(key), item) for key, item in value.items()]
    if kind is slice:
        return [("start", value.start), ("stop", value.stop), ("step", value.step)]
    if _is_open(value):
        return list(vars(value).items())
    return None


def _is_open(value: Any) -> bool:
    # Modules are containers too, and are given to functions whole.
    return isinstance(value, NodeContainer) and not hasattr(type(value), "parameters_dict")


def holds_nodes(value: Any) -> bool:
    """Whether `value` is to be taken apart: a container with a node somewhere in it.

    Example:
        >>> from opto.trace import node
        >>> holds_nodes([1, {"a": node(2)}]), holds_nodes([1, 2])
        (True, False)
    """
    if isinstance(value, NodeContainer) and not _is_open(value):
        return False
    return next(nodes_in(value), None) is not None


def nodes_in(value: Any) -> Iterator[Node[Any]]:
    """The nodes in a container, at any depth of plain containers."""
    stack, seen = [value], {id(value)}
    while stack:
        for part in _parts(stack.pop()):
            if isinstance(part, Node):
                yield part
            elif id(part) not in seen:
                seen.add(id(part))
                stack.append(part)


def _parts(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is slice:
        return [value.start, value.stop, value.step]
    elif isinstance(value, NodeContainer):
        return list(vars(value).values())
    elif kind is not list and kind is not tuple and kind is not set:
        return ()
    # One pass in C over the types decides for the long lists of plain values.
    return value if any(map(_interesting, set(map(type, value)))) else ()


def _interesting(kind: type) -> bool:
    return issubclass(kind, (Node, NodeContainer, list, tuple, dict, set))


def mapped(value: Any, of_node: Callable[[Any], Any], of_leaf: Callable[[Any], Any]) -> Any:
    """A container of the same form, with nodes and leaves replaced."""
    if isinstance(value, Node):
        return of_node(value)
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(mapped(item, of_node, of_leaf) for item in value)
    if kind is dict:
        return {key: mapped(item, of_node, of_leaf) for key, item in value.items()}
    if kind is slice:
        parts = (value.start, value.stop, value.step)
        return slice(*(mapped(part, of_node, of_leaf) for part in parts))
    if _is_open(value):
        new = copy.copy(value)
        for key, item in vars(value).items():
            setattr(new, key, mapped(item, of_node, of_leaf))
        return new
    return of_leaf(value)


def to_data(value: Any) -> Any:
    """`value` with the nodes in it replaced by their values, read as uses of them.

    Example:
        >>> from opto.trace import node
        >>> to_data([node(1), {"a": node(2)}])
        [1, {'a': 2}]
    """
    return mapped(value, lambda n: n.data, lambda leaf: leaf)


def packed(value: Any, base: str, within: frozenset[int] = frozenset()) -> Any:
    """A node for a container that holds nodes, computed from those.

    Args:
        value: the container; `holds_nodes` says yes to it.
        base: the base of the new node's name.
        within: the containers around it, by `id`; they stay as they are where one of
            them is met again.
    """
    within |= {id(value)}
    keys, args, raw = [], [], {}
    for key, item in _items(value) or ():
        part = item
        if not isinstance(item, Node) and id(item) not in within and holds_nodes(item):
            part = packed(item, _MAKES.get(type(item), "container"), within)
        if isinstance(part, Node):
            keys.append(key)
            args.append(part)
            raw[id(item)] = part._data
    whole = _rebuilt(value, raw)
    op = OPERATIONS[_MAKES.get(type(value), "make_tuple")]
    new = derive(op, base, tuple(args), whole)
    new._more().keys = tuple(keys)
    return new


def _rebuilt(value: Any, raw: dict[int, Any]) -> Any:
    def data(item: Any) -> Any:
        return raw.get(id(item), item)

    kind = type(value)
    if kind is dict:
        return {key: data(item) for key, item in value.items()}
    if kind is slice:
        return slice(data(value.start), data(value.stop), data(value.step))
    if _is_open(value):
        new = copy.copy(value)
        for key, item in vars(value).items():
            setattr(new, key, data(item))
        return new
    try:
        return kind(map(data, value))
    except TypeError as error:
        raise NodeError(
            f"a {kind.__name__} of nodes cannot become a {kind.__name__} of their values: {error}; "
            "use a list of the nodes"
        ) from error
