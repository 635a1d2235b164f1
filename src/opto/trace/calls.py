"""One call of a bundled function: wrap, run, catch, record."""

from __future__ import annotations

from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.iterators import LAZY, Streamed
from opto.trace.nodes import Node, derive
from opto.trace.outcome import Callee, Outcome, failure, witness
from opto.trace.packing import TakesNodes
from opto.trace.record import wrapped
from opto.trace.registry import SERIALS
from opto.trace.tape import INTERPRETER, READS
from opto.trace.written import Answered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.trace.signature import Shape

__all__ = ["MORE", "Callee", "call", "failure", "finished"]

# What a function may return that is no plain result.
MORE = (Node, CoroutineType, Streamed, Answered, *LAZY)


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
    named = dict(zip(keys[positional:], values[positional:]))  # noqa: B905 - of one length
    if callee.asynchronous:
        begun = Outcome(callee, keys, nodes, positional, opened, values, reads, seen)
        return begun.awaited(partial(callee.function, *values[:positional], **named))
    token = READS.set(reads)
    try:
        out = callee.function(*values[:positional], **named)
    except TraceMissingInputsError:
        raise
    except Exception as error:
        if not callee.catch:
            raise
        done = Outcome(callee, keys, nodes, positional, opened, values, reads, seen)
        raise done.failed(error, token=token) from error
    finally:
        READS.reset(token)
    # What most calls are: nothing was read or changed, and a value came out.
    if plain and reads == [] and seen is None and not isinstance(out, MORE):
        upstream = tuple(nodes) if callee.code is None else (*nodes, callee.code)
        return derive(callee.op, callee.base, upstream, out)
    done = Outcome(callee, keys, nodes, positional, opened, values, reads, seen)
    return finished(done, out)


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


def finished(done: Outcome, out: Any) -> Any:
    """What a call gives whose function returned `out`."""
    return done.awaited(lambda: out) if out.__class__ is CoroutineType else done.result(out)
