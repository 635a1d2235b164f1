"""What is shown inside of calls: the nodes, and what they used from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.trace.propagators.opening import opens, scene_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Scene", "Scenes", "missing", "number", "origin", "scenes_of"]


@dataclass(frozen=True, slots=True)
class Scene:
    """The inside of a call.

    Attributes:
        nodes: those made inside and those from outside that they used; the last is the
            result of the call, as it was computed.
        outer: what is from outside, as it is there.
    """

    nodes: list[Any]
    outer: list[Any]


Scenes = dict[int, Scene]
"""By the number of the result of a call."""


def scenes_of(nodes: Sequence[Any], depth: int | None) -> Scenes:
    """What happened inside the calls that made `nodes`.

    Args:
        nodes: the nodes of a picture.
        depth: how many levels of calls within calls are shown; None for all.
    """
    if depth == 0:
        return {}
    inside: dict[int, tuple[Any, list[Any]]] = {}
    known = {number(n) for n in nodes}
    todo = [(node, depth) for node in nodes]
    while todo:
        node, left = todo.pop()
        if left != 0 and node._serial not in inside and opens(node):
            within = scene_of(node)
            inside[node._serial] = node, within
            first, less = node._extras.inner.opened, None if left is None else left - 1
            todo += [(n, less) for n in within if n._serial >= first]
            # What it used from outside is shown there, with what that was made of.
            stack = [origin(n) for n in within if number(n) < first]
            while stack:
                used = stack.pop()
                if used._serial not in known:
                    known.add(used._serial)
                    todo.append((used, left))
                    stack += map(origin, used._args)
    scenes: Scenes = {}
    # Results within a call are made before its own: from the innermost on, each says what
    # it used.
    for serial, (call, within) in sorted(inside.items()):
        first = call._extras.inner.opened
        whole = [*missing(within, scenes, first), *within]
        outer = {number(n): origin(n) for n in whole if number(n) < first}
        scenes[serial] = Scene(whole, list(outer.values()))
    return scenes


def missing(nodes: Sequence[Any], scenes: Scenes, first: int = -1) -> list[Any]:
    """What the calls among `nodes` used inside that is not among them.

    Args:
        nodes: the nodes of a picture.
        scenes: the insides of the calls among them.
        first: what was made before this number is shown without what it was made of.
    """
    known = {number(n) for n in nodes}
    found = []
    stack = [used for node in nodes for used in _used(node, scenes)]
    while stack:
        node = origin(stack.pop())
        if node._serial not in known:
            known.add(node._serial)
            found.append(node)
            if node._serial >= first:
                # Of what was used, a part may be the result of a call that is open, too.
                stack += [*node._args, *_used(node, scenes)]
    return sorted(found, key=number)


def _used(node: Any, scenes: Scenes) -> list[Any]:
    """What the call that made `node` used from outside, if it is open."""
    return scenes[node._serial].outer if opens(node) and node._serial in scenes else []


def origin(node: Any) -> Any:
    """The node itself, or what it is a copy of inside a call."""
    while node._extras.origin is not None:
        node = node._extras.origin
    return node


def number(node: Any) -> int:
    """The place of the node, or of what it is a copy of, in the order of creation."""
    serial: int = origin(node)._serial
    return serial
