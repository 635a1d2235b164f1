"""An operation applied to whole containers, item by item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import NodeError
from opto.trace.nodes import Node
from opto.trace.packing import NodeContainer, holds_nodes, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["apply_op", "recursive_conversion"]


def recursive_conversion(
    true_func: Callable[[Any], Any], false_func: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """A function that replaces the nodes and the leaves of a container.

    Args:
        true_func: given each node.
        false_func: given everything else that is no list, tuple, set, dict or
            `NodeContainer`.

    Example:
        >>> from opto.trace import node
        >>> recursive_conversion(lambda n: n.data, str)([node(1), 2])
        [1, '2']
    """
    return lambda value: mapped(value, true_func, false_func)


def apply_op(op: Callable[..., Any], output: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply `op` to containers of one form, at each place where they hold nodes.

    Args:
        op: an operation on nodes, such as ``operators.add``.
        output: the form of the result; lists, dicts and `NodeContainer` objects are filled
            in place. A tuple cannot be, so a new one is returned.
        args: containers of that form, or nodes, which are used at every place.
        kwargs: the same, by keyword.

    Returns:
        `output`, filled with the results.

    Raises:
        NodeError: a container has another type, length or key than `output`.

    Example:
        >>> from opto.trace import node, operators
        >>> pair = [node(1), node(2)]
        >>> [n.data for n in apply_op(operators.add, [None, None], pair, node(10))]
        [11, 12]
    """
    given = [*args, *kwargs.values()]
    if all(isinstance(value, Node) for value in given):
        return op(*args, **kwargs)
    for value in given:
        if not isinstance(value, Node) and type(value) is not type(output):
            raise NodeError(
                f"apply_op() fills a {type(output).__name__}, and was given a "
                f"{type(value).__name__}; all inputs that are no nodes must have one type"
            )
    return _filled(op, output, args, kwargs)


def _filled(op: Callable[..., Any], output: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    if isinstance(output, (list, tuple)):
        filled = [
            apply_op(op, item, *_at(args, i, len(output)), **_named_at(kwargs, i, len(output)))
            for i, item in enumerate(output)
        ]
        if isinstance(output, tuple):
            return tuple(filled)
        output[:] = filled
    elif isinstance(output, dict):
        for key, item in output.items():
            output[key] = apply_op(op, item, *_at(args, key), **_named_at(kwargs, key))
    elif isinstance(output, NodeContainer):
        for key, item in vars(output).items():
            here, named = _at(args, key), _named_at(kwargs, key)
            # What holds no node in any of them is a setting, and stays.
            if any(isinstance(v, Node) or holds_nodes(v) for v in (*here, *named.values())):
                setattr(output, key, apply_op(op, item, *here, **named))
    else:
        raise NodeError(f"apply_op() cannot fill a {type(output).__name__}: {output!r}")
    return output


def _named_at(values: Mapping[str, Any], key: Any, length: int = -1) -> dict[str, Any]:
    return dict(zip(values, _at(list(values.values()), key, length)))  # noqa: B905


def _at(values: Sequence[Any], key: Any, length: int = -1) -> list[Any]:
    """What each of `values` has at one place; nodes have themselves everywhere."""
    found = []
    for value in values:
        if isinstance(value, Node):
            found.append(value)
            continue
        if length >= 0 and len(value) != length:
            raise NodeError(f"apply_op() needs lists of one length: {length} and {len(value)}")
        try:
            found.append(vars(value)[key] if isinstance(value, NodeContainer) else value[key])
        except KeyError:
            raise NodeError(f"apply_op() was given a container without {key!r}") from None
    return found
