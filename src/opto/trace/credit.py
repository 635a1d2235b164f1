"""What a function used beside what it was given: found, and refused if it may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.iterators import Streamed
from opto.trace.packing import nodes_in

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

__all__ = ["refuse", "used"]


def used(roots: Iterable[Any], known: Container[int], inside: Callable[[Any], bool]) -> list[Any]:
    """The nodes from outside that `roots` are or were computed from.

    Args:
        roots: what was looked at, or given back.
        known: the nodes that need not be named, by `id`.
        inside: whether a node was made by the function itself; it counts as what it was
            made of.
    """
    seen, found = set(), []
    stack = [*roots][::-1]
    while stack:
        node = stack.pop()
        if id(node) in known or id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == "parameter" or not inside(node):
            found.append(node)
        else:
            stack.extend(node._args)
    return found


def refuse(name: str, given: Sequence[Any], nodes: Sequence[Any]) -> None:
    """Refuse that the function `name` used `nodes`, where it was not `given` them.

    What lies in the value of an argument was given with it: that is no offence, and still
    to be credited. So is what a stream among the arguments has used.

    Raises:
        TraceMissingInputsError: feedback could not reach one of the nodes.
    """
    held: set[int] = set()
    for node in given:
        value = node._data
        held |= value.held() if isinstance(value, Streamed) else {id(n) for n in nodes_in(value)}
    strange = [n for n in nodes if id(n) not in held]
    if not strange:
        return
    names = ", ".join(n.name for n in strange)
    had = ", ".join(n.name for n in given) or "nothing"
    raise TraceMissingInputsError(
        f"{name} used the value of {names}, which it was not given (it was given: {had}), so "
        f"feedback could not reach {names}. Pass it as an argument, or write "
        "bundle(allow_external_dependencies=True)"
    )
