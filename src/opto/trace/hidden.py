"""Parameters that are used only inside of calls: found, for all calls of a graph at once.

Works on anything that has inputs (`_args`) and a place in time (`_serial`), as `order`
does, and recurses as little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["settle"]


def settle(nodes: Iterable[Any]) -> None:
    """Find the parameters used inside of each call among `nodes`, and keep them with its result.

    Asked one by one, calls that go on with what earlier ones have made would each look
    through all of those again.

    Args:
        nodes: any nodes; those that are no results of calls with an inside are left alone.
    """
    calls = [n for n in nodes if n._extras.inner is not None and n._extras.hidden is None]
    if not calls:
        return
    used = [_used(call) for call in calls]
    masks, bits = _upstream([node for _, outer in used for node in outer])
    for call, (within, outer) in zip(calls, used, strict=True):
        mask = 0
        for node in outer:
            mask |= masks[node._serial]
        seen = {n._serial for n in (*call._args, *within)}
        while mask:
            bit = mask & -mask
            mask ^= bit
            if bits[bit.bit_length() - 1]._serial not in seen:
                within.append(bits[bit.bit_length() - 1])
        call._extras.hidden = tuple(sorted(within, key=_serial))


def _used(call: Any) -> tuple[list[Any], list[Any]]:
    """The parameters inside of `call`, and what it used from outside and was not given."""
    inside = call._extras.inner
    # By serial number, which a node in an opened graph shares with the one it stands for.
    seen = {n._serial for n in call._args}
    stack = list(inside.ends)
    parameters, outer = [], []
    while stack:
        node = stack.pop()
        serial, more = node._serial, node._extras
        if serial in seen:
            continue
        seen.add(serial)
        if more.origin is not None:
            stack.append(more.origin)
        elif node.kind == "parameter":
            parameters.append(node)
        elif serial < inside.opened:
            outer.append(node)
        else:
            stack.extend(node._args)
            if more.inner is not None:
                stack.extend(more.inner.ends)
    return parameters, outer


def _upstream(nodes: list[Any]) -> tuple[dict[int, int], list[Any]]:
    """Which parameters each of `nodes` comes from: as bits by serial number, and what they mean."""
    found: dict[int, Any] = {}
    stack = nodes
    while stack:
        node = stack.pop()
        if node._serial not in found:
            found[node._serial] = node
            stack.extend(_sources(node))
    bits: list[Any] = []
    masks: dict[int, int] = {}
    # Whatever a node comes from was made before it.
    for serial, node in sorted(found.items()):
        mask = 0
        if node.kind == "parameter" and node._extras.origin is None:
            mask = 1 << len(bits)
            bits.append(node)
        for source in _sources(node):
            mask |= masks[source._serial]
        masks[serial] = mask
    return masks, bits


def _sources(node: Any) -> Iterable[Any]:
    more = node._extras
    if more.origin is not None:
        return (more.origin,)
    return node._args if more.inner is None else (*node._args, *more.inner.ends)


def _serial(node: Any) -> int:
    serial: int = node._serial
    return serial
