"""Calls of functions that work on nodes, replaced by what happened inside them.

Nodes do not change. Where a step of an opened graph has another input than it was
computed from, a shadow of it stands in its place: the same node with other inputs.
"""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.trace.hidden import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["flat", "opens", "scene_of"]

Nodes = dict[int, Any]


def opens(node: Any) -> bool:
    """Whether `node` is the result of a call with something inside."""
    inside = node._extras.inner
    return inside is not None and not inside.is_plain


def flat(
    nodes: Sequence[Any],
    depth: int | None,
    calls: Iterable[Any],
    before: Mapping[int, Any] = MappingProxyType({}),
) -> tuple[list[Any], Nodes]:
    """`nodes` with calls among them opened.

    Args:
        nodes: a part of a run.
        depth: how many levels of calls within calls are opened; None for all.
        calls: the results of the calls to open. One whose inputs are not among the nodes
            stays closed: it is a given value there.
        before: what stands for nodes that were opened before, by serial number.

    Returns:
        The nodes, inputs before what uses them; and by serial number what stands for each.
    """
    kept: Nodes = {**before, **{n._serial: n for n in nodes}}
    full = [n for n in calls if all(a._serial in kept for a in n._args)]
    ends, copies = _inside(full, depth, kept)
    # Of the nodes themselves: a shadow has other inputs than the inside was given.
    settle(node for serial, node in kept.items() if serial not in ends)
    stands: Nodes = {}
    for serial, node in sorted({**kept, **copies}.items()):
        # Whatever a node was computed from, or is a copy of, was made before it.
        if serial in copies:
            stands[serial] = stands[node._extras.origin._serial]
        elif serial != node._serial:
            stands[serial] = stands[node._serial]
        elif serial in ends:
            stands[serial] = _result(node, [stands[e._serial] for e in ends[serial]])
        else:
            stands[serial] = _moved(node, tuple(stands.get(a._serial, a) for a in node._args))
    used = {stands[serial]._serial: stands[serial] for serial in kept}
    return [used[serial] for serial in sorted(used)], stands


def scene_of(call: Any) -> list[Any]:
    """The nodes inside of `call`, what they were computed from, and the result as what it was.

    Args:
        call: the result of a call with something inside.

    Returns:
        The nodes, inputs before what uses them; calls within the call stay closed. The
        last is a shadow of the result, computed from what the function returned.
    """
    inside = call._extras.inner
    found: Nodes = {}
    stack = list(inside.ends)
    while stack:
        node = stack.pop()
        if node._serial not in found:
            found[node._serial] = node
            if node._serial >= inside.opened:
                stack += node._args
    return [*(found[i] for i in sorted(found)), _moved(call, inside.ends, opened=True)]


def _inside(
    calls: Sequence[Any], depth: int | None, kept: Nodes
) -> tuple[dict[int, tuple[Any, ...]], Nodes]:
    """Add what is inside of `calls` to `kept`; the ends of each that was opened, and the copies."""
    ends: dict[int, tuple[Any, ...]] = {}
    copies: Nodes = {}
    todo = [(call, depth) for call in calls]
    while todo:
        call, left = todo.pop()
        inside = call._extras.inner
        ends[call._serial] = inside.ends
        within = left is None or left > 1
        stack = list(inside.ends)
        while stack:
            node = stack.pop()
            serial = node._serial
            if serial in kept or serial in copies:
                continue
            if node._extras.origin is not None:
                copies[serial] = node
                stack.append(node._extras.origin)
                continue
            kept[serial] = node
            stack.extend(node._args)
            if within and opens(node):
                todo.append((node, None if left is None else left - 1))
            else:
                stack.extend(node._hidden)
    return ends, copies


def _result(call: Any, ends: list[Any]) -> Any:
    """What stands for the result of an opened call."""
    if len(ends) == 1 and call._extras.inner.returned is not None:
        return ends[0]
    # The function looked at more than what it returned shows: it is a step itself.
    return _moved(call, tuple(dict.fromkeys(ends)), opened=True)


def _moved(node: Any, args: tuple[Any, ...], *, opened: bool = False) -> Any:
    """`node` with other inputs, or itself where they are the same."""
    if not opened and all(map(_same, args, node._args)):
        return node
    shadow = copy.copy(node)
    shadow._args = args
    if opened:
        more = shadow._extras = copy.copy(node._extras)
        more.inner, more.keys = None, tuple(a.py_name for a in args)
    return shadow


def _same(one: Any, other: Any) -> bool:
    return one is other
