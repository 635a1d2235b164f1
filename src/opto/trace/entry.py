"""The way into a bundled function: plain calls are done here, all others by `calls`.

Plain is a call with as many nodes as the function has parameters, none of them of
something that could be changed in place, and with a plain value as the result. That is
what programs do most, and here it costs a third of what the general way takes.
"""

from __future__ import annotations

from functools import partial
from types import BuiltinMethodType, MethodWrapperType
from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.calls import MORE, call, finished
from opto.trace.nodes import MessageNode, Node, counted
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


def _direct(  # noqa: C901 - one plain call from end to end, with nothing called that can be spared
    callee: Callee, general: Callable[[Any, Any], Any], me: Any, text: Any
) -> Callable[..., Any]:
    """`entry` of an ordinary function."""
    op, function, code, counter = callee.op, callee.function, callee.code, COUNTERS[callee.base]
    first, last = () if me is None else (me,), () if code is None else (code,)
    alone = not first and not last
    own = [node._data for node in first]
    arity = callee.shape.plain - len(first)
    # Cells are read faster than globals, and these are read with every call.
    current, recorder, set_reads, reset = INTERPRETER.get, RECORDER, READS.set, READS.reset
    kinds, watched, plain, serials, nothing = KINDS, _WATCHED, _PLAIN, SERIALS, NOTHING
    new_message = partial(object.__new__, MessageNode)

    def direct(*args: Any, **kwargs: Any) -> Any:
        if current() is not recorder or (code is not None and code._data is not text):
            return general(args, kwargs)
        if kwargs or len(args) != arity:
            return spread(args, kwargs)
        values = [*own]
        for arg in args:
            if arg.__class__ not in kinds:
                return spread(args, kwargs)
            value = arg._data
            if value.__class__ in watched:
                return general(args, kwargs)
            values.append(value)
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
            done = _told(callee, first + args, opened, values, reads)
            raise done.failed(error, token=token) from error
        finally:
            reset(token)
        if reads or (out.__class__ not in plain and isinstance(out, MORE)):
            return finished(_told(callee, first + args, opened, values, reads), out)
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

    spread = _spread(callee, direct, general, first)
    return direct


def _awaited(  # noqa: C901 - as `_direct`
    callee: Callee, general: Callable[[Any, Any], Any], me: Any, text: Any
) -> Callable[..., Any]:
    """`entry` of a coroutine function: the same, and a coroutine that awaits the result."""
    op, function, code, counter = callee.op, callee.function, callee.code, COUNTERS[callee.base]
    first, last = () if me is None else (me,), () if code is None else (code,)
    alone = not first and not last
    own = [node._data for node in first]
    arity = callee.shape.plain - len(first)
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


def _spread(
    callee: Callee, direct: Callable[..., Any], general: Callable[[Any, Any], Any], first: Any
) -> Callable[[Any, Any], Any]:
    """The way of calls with keywords, defaults or plain values: made plain, then called.

    Only for functions that take by position what they take by keyword, and only where
    all that is no node cannot hold one.
    """
    names = callee.shape.names
    written = getattr(getattr(callee.function, "__code__", None), "co_varnames", ())
    if written[: len(names)] != names:
        return general

    names = names[len(first) :]
    counters = {name: COUNTERS[name] for name in names}

    def spread(args: Any, kwargs: Any) -> Any:
        keys, values, positional = names, args, -1
        if kwargs or len(args) != len(names):
            keys, values, positional = callee.bind(first + args, kwargs)
            keys, values = keys[len(first) :], values[len(first) :]
        for value in values:
            if value.__class__ not in KINDS and value.__class__ not in ATOMS:
                return general(args, kwargs)
        nodes = [
            value if value.__class__ in KINDS else counted(value, counters[key])
            for key, value in zip(keys, values)  # noqa: B905 - bind gives one key for each
        ]
        new = direct(*nodes)
        if -1 < positional < len(keys) + len(first) and isinstance(new, Node):
            new._more().positional = positional
        return new

    return spread


def _told(callee: Callee, args: Any, opened: int, values: list[Any], reads: list[Any]) -> Outcome:
    """A plain call, told in full."""
    return Outcome(callee, callee.shape.names, list(args), len(args), opened, values, reads, None)
