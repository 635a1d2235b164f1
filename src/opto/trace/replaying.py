"""What a result would have been with other values: only what depends on them runs again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError, NodeError
from opto.trace.nodes import Node
from opto.trace.order import ancestors
from opto.trace.tape import stop_tracing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opto.trace.table import Operation

__all__ = ["Replay", "replay", "replays"]


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of running a part of a program again.

    Args:
        value: what the output would have been; None where a step raised.
        ran: the names of the steps that were run again, in their order.
        error: what a step raised; None if none did.
        at: the name of that step.
    """

    value: Any
    ran: tuple[str, ...]
    error: Exception | None = None
    at: str | None = None


def replay(output: Node[Any], changes: Mapping[Any, Any]) -> Replay:
    """What `output` would have been if the nodes in `changes` had had other values.

    Steps that depend on none of them are not run: their results are taken as they were
    recorded. The others are run again, with the code that parameters of code have by the
    changes. They should be pure: what they do besides, they do again; what they ask a model
    within `opto.run` is written down there. Control flow that looked at a value is not
    decided anew. Nothing is recorded, and nothing stays changed.

    Args:
        output: a result of a traced program.
        changes: other values by node; of parameters, or of any step on the way.

    Raises:
        NodeError: a node that is to be changed is none, or `output` does not depend on it;
            or a step cannot be run again, as one that came from another process.

    Example:
        >>> from opto.trace import node
        >>> x, y = node(2, name="x", trainable=True), node(3, name="y", trainable=True)
        >>> total = (x * 10) + (y * 100)
        >>> again = replay(total, {x: 5})
        >>> again.value, again.ran, total.data
        (350, ('multiply0', 'add0'), 320)

    Source: issue 5, point 8.
    """
    if not isinstance(output, Node):
        raise NodeError(f"replay() takes the node that a program returned, not {output!r}")
    order = ancestors(output)
    held = _among(order, changes)
    before = {id(n): (n, n._data) for n in held}
    ran: list[str] = []
    try:
        for node, value in held.items():
            node._data = value
        for step in _affected(order, held):
            before[id(step)] = (step, step._data)
            ran.append(step.py_name)
            step._data, error = _run(step)
            if error is not None:
                return Replay(None, tuple(ran), error, ran[-1])
        return Replay(output._data, tuple(ran))
    finally:
        for node, value in before.values():
            node._data = value


def replays(outputs: Mapping[str, Any], changes: Mapping[Any, Any]) -> dict[str, Replay]:
    """What each of several outputs would have been; what `Graph.replay` does.

    Args:
        outputs: nodes by their names.
        changes: other values by node, or by a step's name.

    Raises:
        NodeError: as `replay`, where none of the outputs depends on a change; or a name is
            that of no step, or of several.
    """
    order = ancestors(*outputs.values())
    hidden = [p for n in order for p in n._hidden]
    held = {_called(key, (*order, *hidden)): value for key, value in changes.items()}
    found = {}
    for name, output in outputs.items():
        own = ancestors(output)
        reached = {id(n) for n in own} | {id(p) for n in own for p in n._hidden}
        part = {node: value for node, value in held.items() if id(node) in reached}
        found[name] = replay(output, part)
    _among((*order, *hidden), held)  # raises for what no output depends on
    return found


def _called(key: Any, nodes: Sequence[Any]) -> Any:
    """The node that is meant: itself, or by its name."""
    if not isinstance(key, str):
        return key
    found = {id(n): n for n in nodes if key in (n.py_name, n.name)}
    if len(found) != 1:
        many = f"there are {len(found)} steps" if found else "there is no step"
        raise NodeError(f"{many} of the name {key!r}: give the node itself")
    return next(iter(found.values()))


def _among(order: Sequence[Any], changes: Mapping[Any, Any]) -> dict[Any, Any]:
    """The changes with plain values, if the output depends on all of them."""
    known = {id(n) for n in order} | {id(p) for n in order for p in n._hidden}
    held = {}
    for node, value in changes.items():
        if not isinstance(node, Node):
            raise NodeError(f"changes are values by node, and {node!r} is no node")
        if id(node) not in known:
            raise NodeError(f"the result does not depend on {node.name}: no change of it matters")
        held[node] = value._data if isinstance(value, Node) else value
    return held


def _affected(order: Sequence[Any], changed: Mapping[Any, Any]) -> Iterator[Any]:
    """The steps that depend on what is changed, inputs first."""
    touched = {id(n) for n in changed}
    for step in order:
        if id(step) in touched or step._op is None:
            continue
        if any(id(n) in touched for n in (*step._args, *step._hidden)):
            touched.add(id(step))
            yield step


def _run(step: Any) -> tuple[Any, Exception | None]:
    """The result of a step with the values that its inputs have now, or what it raised."""
    op, more = step._op, step._extras
    keys, values = tuple(step.inputs), [n._data for n in step._args]
    bundled = getattr(op.info_of, "__self__", None)
    if bundled is None:
        split, last = _positional(op, keys), len(values)
    else:
        # After the arguments stand the code of a trainable function, and what a function
        # looked at beside them; the code is its own, and it will look again.
        last = len(values) - more.external - (bundled.parameter is not None)
        split = last if more.positional < 0 else more.positional
    named = dict(zip(keys[split:last], values[split:last]))  # noqa: B905 - of one length
    given = values[:split]
    if bundled is not None and bundled._self_node is not None:
        del given[0]  # it is bound to it
    try:
        with stop_tracing():
            found = (bundled or op.function)(*given, **named)
    except ExecutionError as failure:
        cause = failure.__cause__
        return None, cause if isinstance(cause, Exception) else failure
    except Exception as error:  # noqa: BLE001 - a user's function may raise anything
        return None, error
    value = found._data if isinstance(found, Node) else found
    if hasattr(value, "__await__"):
        value.close()
        raise NodeError(f"{step.name} was made by a coroutine function, which is not run again")
    return value, None


def _positional(op: Operation, keys: tuple[str, ...]) -> int:
    """How many arguments of an operator were given by position: as many as can have been."""
    splits = range(len(keys), -1, -1)
    return next(n for n in splits if op.keys_of(n, keys[n:]) == keys)
