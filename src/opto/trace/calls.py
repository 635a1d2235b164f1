"""One call: wrap, run, catch, record. All nodes but the given ones are made here."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.nodes import ExceptionNode, MessageNode, Node, ParameterNode, derive, given
from opto.trace.outcome import ATOMS, Callee, Outcome, among, failure, remember, witness
from opto.trace.packing import TakesNodes, holds_nodes, packed
from opto.trace.registry import SERIALS
from opto.trace.table import OPERATIONS, Operation
from opto.trace.tape import INTERPRETER, READS, RECORDER, RUNNER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.trace.signature import Shape

__all__ = ["Callee", "call", "failure", "wrapped"]

_CALL = OPERATIONS["call"]
_KINDS = frozenset((Node, ParameterNode, MessageNode, ExceptionNode))
_CONTAINERS = frozenset((list, tuple, dict, set, slice))


def _record(op: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Apply an operation of the table and record it."""
    if kwargs:
        return _record_named(op, args, kwargs)
    nodes = args
    for arg in args:
        if arg.__class__ not in _KINDS:
            nodes = tuple([_as_node(a) for a in args])
            break
    values = [n._data for n in nodes]
    if op is _CALL and isinstance(values[0], TakesNodes):
        values[1:] = nodes[1:]
    seen = witness(nodes) if op.mutates else None
    try:
        value = op.function(*values)
    except TraceMissingInputsError:
        raise
    except Exception as error:
        raise failure(op, op.keys_of(len(args)), nodes, error) from error
    if seen is not None:
        remember(seen)
    if isinstance(value, Node):
        return _of_a_node(op, op.keys_of(len(args)), nodes, value)
    return derive(op, op.name, nodes, value)


def _record_named(op: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The same, for an operation that is given arguments by keyword."""
    keys, split = op.keys_of(len(args), kwargs), len(args)
    nodes = tuple([_as_node(a) for a in (*args, *kwargs.values())])
    values = [n._data for n in nodes]
    if op is _CALL and isinstance(values[0], TakesNodes):
        values[1:] = nodes[1:]
    seen = witness(nodes) if op.mutates else None
    try:
        value = op.function(*values[:split], **dict(zip(kwargs, values[split:])))  # noqa: B905
    except TraceMissingInputsError:
        raise
    except Exception as error:
        raise failure(op, keys, nodes, error) from error
    if seen is not None:
        remember(seen)
    if isinstance(value, Node):
        return _of_a_node(op, keys, nodes, value)
    new = derive(op, op.name, nodes, value)
    new._more().keys = keys
    return new


def _as_node(value: Any) -> Any:
    return value if isinstance(value, Node) else wrapped(value, type(value).__name__)


def _of_a_node(op: Operation, keys: tuple[str, ...], nodes: tuple[Any, ...], value: Any) -> Any:
    """The result where an operation gave a node, such as an item of a list of nodes."""
    extra = () if among(value, nodes) else (value,)
    new = derive(op, op.name, (*nodes, *extra), value._data)
    new._more().keys = (*keys, *(n.py_name for n in extra))
    return new


def _run(op: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Apply an operation of the table and record nothing of it."""
    new = _record(op, args, kwargs)
    new._args = ()
    return new


RECORDER.apply = _record
RUNNER.apply = _run


def wrapped(value: Any, base: str) -> Any:
    """A node for an argument that is none."""
    if value.__class__ in ATOMS:
        return given(value, base)
    if type(value) in _CONTAINERS or hasattr(value, "__dict__"):
        if holds_nodes(value):
            return packed(value, base)
        if isinstance(value, TakesNodes) and value.parameter is not None:
            return value.parameter
    return given(value, base)


def call(callee: Callee, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run a bundled function and record the call.

    Returns:
        The result as a `MessageNode`; a coroutine that returns it, if the function is
        a coroutine function.

    Raises:
        ExecutionError: the function raised.
        TraceMissingInputsError: it used a node that it was not given.
        TypeError: the arguments do not fit its signature.
    """
    shape = callee.shape
    plain = not kwargs and len(args) == shape.plain
    if plain:
        keys, positional = shape.names, len(args)
    else:
        keys, args, positional = callee.bind(args, kwargs)
    nodes, values = _taken(shape, keys, args)
    opened = next(SERIALS)
    if callee.special:
        plain, values = False, callee.given(args, nodes)
    seen = witness(nodes)
    reads: list[Any] | None = [] if INTERPRETER.get().recording else None
    token = READS.set(reads)
    try:
        if positional == len(values):
            out = callee.function(*values)
        else:
            named = dict(zip(keys[positional:], values[positional:]))  # noqa: B905
            out = callee.function(*values[:positional], **named)
    except TraceMissingInputsError:
        raise
    except Exception as error:
        if not callee.catch:
            raise
        done = Outcome(callee, keys, nodes, positional, opened, values, reads, seen)
        raise done.failed(error) from error
    finally:
        READS.reset(token)
    # What most calls are: nothing was read or changed, and a value came out.
    if plain and reads == [] and seen is None and not isinstance(out, _MORE):
        upstream = tuple(nodes) if callee.code is None else (*nodes, callee.code)
        return derive(callee.op, callee.base, upstream, out)
    done = Outcome(callee, keys, nodes, positional, opened, values, reads, seen)
    return done.awaited(out) if out.__class__ is CoroutineType else done.result(out)


# What a function may return that is no plain result.
_MORE = (Node, CoroutineType)


def _taken(
    shape: Shape, keys: Sequence[str], args: Sequence[Any]
) -> tuple[list[Any], Sequence[Any]]:
    """The nodes of the arguments, and the values that the function is given of them."""
    nodes, values = [], []
    for key, arg in zip(keys, args):  # noqa: B905 - bind gives one key for each
        if isinstance(arg, Node):
            nodes.append(arg)
            values.append(arg._data)
        else:
            node = wrapped(arg, shape.base_of(key, arg))
            nodes.append(node)
            values.append(arg if isinstance(arg, TakesNodes) else node._data)
    return nodes, values
