"""Iterating over a node yields nodes, each known to be an item of it."""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, ClassVar

from opto.trace.table import OPERATIONS
from opto.trace.tape import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "LAZY",
    "AsyncStreamed",
    "DictIterable",
    "SeqIterable",
    "Streamed",
    "iterate",
    "iterate_async",
]

# What runs when it is iterated over, which is after the function that returned it.
LAZY: frozenset[type[Any]] = frozenset(
    (GeneratorType, AsyncGeneratorType, map, filter, zip, enumerate)
)


class Streamed:
    """A mark: a value that gives its items once, and knows what each depends on.

    Attributes:
        as_node: the class of the node of a call that gave it.
    """

    __slots__ = ()
    as_node: ClassVar[type[Any]]

    def items(self, node: Any) -> Any:
        """The items as nodes, which are recorded to come from `node`."""
        raise NotImplementedError

    def held(self) -> set[int]:
        """What whoever has it may use with it; by `id`."""
        raise NotImplementedError

    def begin(self, node: Any) -> None:
        """Know that `node` holds it, as the result of a call."""
        raise NotImplementedError


class AsyncStreamed(Streamed):
    """The same, of what is to be iterated over by ``async for``."""

    __slots__ = ()


class SeqIterable:
    """The items of a sequence node, by index.

    Args:
        wrapped_list: a node that holds something with a length and items by number.
    """

    def __init__(self, wrapped_list: Any) -> None:
        self.wrapped_list = wrapped_list

    def __len__(self) -> int:
        return len(self.wrapped_list)

    def __iter__(self) -> Iterator[Any]:
        # Against the length of the moment, as Python iterates over a list.
        index = 0
        while index < len(self.wrapped_list.data):
            yield self.wrapped_list[index]
            index += 1


class DictIterable:
    """The items of a dict node: pairs of key node and value node.

    Args:
        wrapped_dict: a node that holds a dict.
    """

    def __init__(self, wrapped_dict: Any) -> None:
        self.wrapped_dict = wrapped_dict

    def __len__(self) -> int:
        return len(self.wrapped_dict)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for key in SeqIterable(self.wrapped_dict.keys()):
            yield key, self.wrapped_dict[key]


def iterate(node: Any, *, pairs: bool = False) -> Any:
    """An iterable of the items of `node`, as nodes.

    Args:
        node: holds a sequence, an array, a set, a dict or a stream.
        pairs: yield the items of a dict in pairs, and not its keys.

    Raises:
        ExecutionError: the value cannot be iterated over again and again, as is the
            case for a number or an iterator.

    Example:
        >>> from opto.trace import node
        >>> [x.data for x in iterate(node([1, 2]))]
        [1, 2]
    """
    value = node._data
    if isinstance(value, dict):
        return DictIterable(node) if pairs else SeqIterable(node.keys())
    if isinstance(value, (set, frozenset)):
        return SeqIterable(INTERPRETER.get().apply(OPERATIONS["to_list"], (node,)))
    if isinstance(value, (list, tuple, str, bytes)) or _is_array(value):
        return SeqIterable(node)
    if isinstance(value, Streamed) and not isinstance(value, AsyncStreamed):
        return value.items(node)
    return INTERPRETER.get().apply(OPERATIONS["iterate"], (node,))


def iterate_async(node: Any) -> Any:
    """The items of `node` as nodes, for ``async for``.

    Args:
        node: holds an asynchronous stream, which bundled asynchronous generators give.

    Raises:
        TypeError: it holds something else.
    """
    value = node._data
    if not isinstance(value, AsyncStreamed):
        raise TypeError(
            f"'async for' needs an asynchronous stream, and {node.name} holds a "
            f"{type(value).__name__}; a bundled asynchronous generator gives one"
        )
    return value.items(node)


def _is_array(value: Any) -> bool:
    # Recognised by its face: numpy is not ours to import.
    return hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0
