"""The way into a bundled function: plain calls are done here, all others by `calls`.

Plain is a call with as many nodes as the function has parameters, none of them of
something that could be changed in place, and with a plain value as the result. That is
what programs do most, and here it costs a third of what the general way takes. The names
that stand before a closure are its cells, which are read faster than globals.
"""

from __future__ import annotations

from functools import partial
from types import BuiltinMethodType, MethodWrapperType
from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.calls import MORE, call, finished
from opto.trace.nodes import MessageNode, counted
from opto.trace.outcome import ATOMS, Callee, Outcome
from opto.trace.record import KINDS
from opto.trace.recorded import MUTABLE
from opto.trace.registry import COUNTERS, SERIALS
from opto.trace.tape import INTERPRETER, READS, RECORDER
from opto.trace.value import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["entry", "through"]

# What cannot be a node, a coroutine or a generator.
_PLAIN = ATOMS | {list, tuple, dict, set}

# Values that a function may change in place, or that may change what they belong to.
_WATCHED = frozenset((*MUTABLE, BuiltinMethodType, MethodWrapperType))


def entry(
    callee: Callee, general: Callable[[Any, Any], Any], me: Any = None, text: Any = None
) -> Callable[..., Any]:
    """The function that a call of a bundled function runs.

    Args:
        callee: how to call the code as it is now.
        general: takes ``(args, kwargs)`` of all calls that are not plain.
        me: the node that is the first argument of every call, or None.
        text: the code as it is now, if it is a parameter.
    """
    if callee.special or callee.shape.plain < (me is not None):
        return _called(callee, general, me, text)
    if callee.asynchronous:
        return _awaited(callee, general, me, text)
    return _direct(callee, general, me, text)


def through(general: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The way of all calls that nothing can be said of before."""

    def whole(*args: Any, **kwargs: Any) -> Any:
        return general(args, kwargs)

    return whole


def _called(
    callee: Callee, general: Callable[[Any, Any], Any], me: Any, text: Any
) -> Callable[..., Any]:
    """`entry` of a function whose calls are never plain."""
    code = callee.code

    def called(*args: Any, **kwargs: Any) -> Any:
        if code is not None and code._data is not text:
            return general(args, kwargs)
        # Not by `general`: functions that call such functions would be less deep for it.
        return call(callee, args if me is None else (me, *args), kwargs)

    return called


def _direct(  # noqa: C901 - one plain call from end to end: nothing is called that can be spared
    callee: Callee, general: Callable[[Any, Any], Any], me: Any, text: Any
) -> Callable[..., Any]:
    """`entry` of an ordinary function."""
    op, function, code, counter = callee.op, callee.function, callee.code, COUNTERS[callee.base]
    first, last, own, arity = _ends(callee, me)
    alone = not first and not last
    current, recorder, set_reads, reset = INTERPRETER.get, RECORDER, READS.set, READS.reset
    kinds, watched, plain, serials, nothing = KINDS, _WATCHED, _PLAIN, SERIALS, NOTHING
    new_message = partial(object.__new__, MessageNode)
    spread = _spread(callee, first, own)

    def direct(*args: Any, **kwargs: Any) -> Any:  # noqa: C901 - as it stands above
        if current() is not recorder or (code is not None and code._data is not text):
            return general(args, kwargs)
        values, positional = [*own], -1
        ready = not kwargs and len(args) == arity
        for arg in args if ready else ():
            if arg.__class__ not in kinds:
                ready = False
                break
            value = arg._data
            if value.__class__ in watched:
                return general(args, kwargs)
            values.append(value)
        if not ready:
            made = spread(args, kwargs)
            if made is None:
                return general(args, kwargs)
            args, values, positional = made
        reads: list[Any] = []
        opened = next(serials)
        token = set_reads(reads)
        try:
            out = function(*values)
        except TraceMissingInputsError:
            raise
        except Exception as error:
            if not callee.catch:
                raise
            done = _told(callee, first + args, opened, values, reads, positional)
            raise done.failed(error, token=token) from error
        finally:
            reset(token)
        if reads or (out.__class__ not in plain and isinstance(out, MORE)):
            return finished(_told(callee, first + args, opened, values, reads, positional), out)
        new: Any = new_message()
        new._data = out
        new._args = args if alone else first + args + last
        new._op = op
        new._said = None
        new._extras = nothing
        new._counter = counter
        new._index = next(counter.count)
        new._serial = next(serials)
        if positional >= 0:
            new._more().positional = positional
        return new

    return direct


def _awaited(  # noqa: C901 - as `_direct`
    callee: Callee, general: Callable[[Any, Any], Any], me: Any, text: Any
) -> Callable[..., Any]:
    """`entry` of a coroutine function: the same, and a coroutine that awaits the result."""
    op, function, code, counter = callee.op, callee.function, callee.code, COUNTERS[callee.base]
    first, last, own, arity = _ends(callee, me)
    alone = not first and not last
    current, recorder, set_reads, reset = INTERPRETER.get, RECORDER, READS.set, READS.reset
    kinds, watched, plain, serials, nothing = KINDS, _WATCHED, _PLAIN, SERIALS, NOTHING
    new_message = partial(object.__new__, MessageNode)

    async def recorded(args: Any, values: list[Any], opened: int) -> Any:
        reads: list[Any] = []
        token = set_reads(reads)
        try:
            out = await function(*values)
        except TraceMissingInputsError:
            raise
        except Exception as error:
            if not callee.catch:
                raise
            done = _told(callee, first + args, opened, values, reads)
            raise done.failed(error, token=token) from error
        finally:
            try:  # noqa: SIM105 - as `tape.left`, which costs as much as all the rest
                reset(token)
            except ValueError:
                pass
        # The scope of names, or the recording itself, may be another one by now.
        if reads or out.__class__ not in plain or current() is not recorder:
            return _told(callee, first + args, opened, values, reads).result(out)
        new: Any = new_message()
        new._data = out
        new._args = args if alone else first + args + last
        new._op = op
        new._said = None
        new._extras = nothing
        new._counter = counter
        new._index = next(counter.count)
        new._serial = next(serials)
        return new

    def awaited(*args: Any, **kwargs: Any) -> Any:
        changed = code is not None and code._data is not text
        if kwargs or changed or len(args) != arity or current() is not recorder:
            return general(args, kwargs)
        values = [*own]
        for arg in args:
            if arg.__class__ not in kinds or arg._data.__class__ in watched:
                return general(args, kwargs)
            values.append(arg._data)
        return recorded(args, values, next(serials))

    return awaited


def _ends(callee: Callee, me: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], list[Any], int]:
    """What stands before and after the arguments, the values before, how many arguments."""
    first: tuple[Any, ...] = () if me is None else (me,)
    last = () if callee.code is None else (callee.code,)
    return first, last, [node._data for node in first], callee.shape.plain - len(first)


def _spread(callee: Callee, first: tuple[Any, ...], own: list[Any]) -> Callable[[Any, Any], Any]:
    """What makes a call with keywords, defaults or plain values a plain one.

    It gives the nodes of the arguments, the values for the function, and how many were
    given by position (-1 for all); or None, where the call cannot be plain: the function
    takes by keyword what it does not take by position, something that is no node may hold
    one, or a node holds what may be changed.
    """
    names = callee.shape.names
    written = getattr(getattr(callee.function, "__code__", None), "co_varnames", ())
    if written[: len(names)] != names:
        return lambda _args, _kwargs: None
    names, skipped = names[len(first) :], len(first)
    counters = {name: COUNTERS[name] for name in names}

    def spread(args: Any, kwargs: Any) -> Any:
        keys, given, positional = names, args, -1
        if kwargs or len(args) != len(names):
            keys, given, positional = callee.bind(first + args, kwargs)
            keys, given = keys[skipped:], given[skipped:]
            positional = -1 if positional == len(names) + skipped else positional
        for value in given:
            kind = value.__class__
            if value._data.__class__ in _WATCHED if kind in KINDS else kind not in ATOMS:
                return None
        nodes = [
            value if value.__class__ in KINDS else counted(value, counters[key])
            for key, value in zip(keys, given)  # noqa: B905 - bind gives one key for each
        ]
        return tuple(nodes), [*own, *[node._data for node in nodes]], positional

    return spread


def _told(
    callee: Callee,
    args: tuple[Any, ...],
    opened: int,
    values: list[Any],
    reads: list[Any],
    positional: int = -1,
) -> Outcome:
    """A plain call, told in full."""
    split = len(args) if positional < 0 else positional
    return Outcome(callee, callee.shape.names, list(args), split, opened, values, reads, None)
