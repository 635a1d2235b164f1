"""An operation of the table, applied to nodes and recorded.

`record` is what a recording interpreter does with any operation. The operators that
programs are full of have it written out, for one operand and for two: a call saved is
a tenth of what recording an addition costs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import TraceMissingInputsError
from opto.trace.magic import Operators, checked, methods
from opto.trace.nodes import (
    ExceptionNode,
    MessageNode,
    Node,
    ParameterNode,
    counted,
    derive,
    given,
)
from opto.trace.outcome import ATOMS, among, failure, remember, witness
from opto.trace.packing import TakesNodes, holds_nodes, packed
from opto.trace.registry import COUNTERS, SERIALS
from opto.trace.table import OPERATIONS
from opto.trace.tape import INTERPRETER, RECORDER, Recorder, Runner
from opto.trace.value import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.trace.table import Operation

__all__ = ["KINDS", "wrapped"]

KINDS: frozenset[type[Any]] = frozenset((Node, ParameterNode, MessageNode, ExceptionNode))

_CALL = OPERATIONS["call"]
_CONTAINERS = frozenset((list, tuple, dict, set, slice))


def record(op: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Apply an operation to nodes or plain values; the result, as a node."""
    named = kwargs or {}
    nodes = tuple([_checked_node(a) for a in (*args, *named.values())])
    values = [n._data for n in nodes]
    if op is _CALL and isinstance(values[0], TakesNodes):
        values[1:] = nodes[1:]
    keys, split = op.keys_of(len(args), named), len(args)
    seen = witness(nodes) if op.mutates else None
    try:
        value = op.function(*values[:split], **dict(zip(named, values[split:])))  # noqa: B905
    except TraceMissingInputsError:
        raise
    except Exception as error:
        raise failure(op, keys, nodes, error) from error
    if seen is not None:
        remember(seen)
    if isinstance(value, Node):
        return _of_a_node(op, keys, nodes, value)
    new = derive(op, op.name, nodes, value)
    if named:
        new._more().keys = keys
    return new


def run(op: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Apply an operation and record nothing of it."""
    values = []
    for arg in () if kwargs or op.mutates else args:
        if arg.__class__ in KINDS:
            values.append(arg._data)
        elif arg.__class__ in ATOMS:
            values.append(arg)
        else:
            break
    # What may hold a node, or may be changed, needs all that recording needs.
    if len(values) != len(args) or kwargs:
        new = record(op, args, kwargs)
        new._args = ()
        return new
    try:
        value = op.function(*values)
    except TraceMissingInputsError:
        raise
    except Exception as error:
        nodes = tuple([_checked_node(a) for a in args])
        raise failure(op, op.keys_of(len(args)), nodes, error) from error
    if isinstance(value, Node):
        value = value._data
    return derive(op, op.name, (), value)


Recorder.apply = staticmethod(record)
Runner.apply = staticmethod(run)


def _checked_node(value: Any) -> Any:
    return value if isinstance(value, Node) else wrapped(value, type(value).__name__)


def wrapped(value: Any, base: str) -> Any:
    """A node for an argument that is none.

    Args:
        value: any object. A container with nodes in it becomes a node computed from those.
        base: the base of its name.
    """
    if value.__class__ in ATOMS:
        return given(value, base)
    if type(value) in _CONTAINERS or hasattr(value, "__dict__"):
        if holds_nodes(value):
            return packed(value, base)
        if isinstance(value, TakesNodes) and value.parameter is not None:
            return value.parameter
    return given(value, base)


# The counters of the names of plain operands, where names have no scope.
_CONSTANTS = {kind: COUNTERS[kind.__name__] for kind in ATOMS}


def _of_a_node(op: Operation, keys: tuple[str, ...], nodes: tuple[Any, ...], value: Any) -> Any:
    """The result where an operation gave a node, such as an item of a list of nodes."""
    extra = () if among(value, nodes) else (value,)
    new = derive(op, op.name, (*nodes, *extra), value._data)
    new._more().keys = (*keys, *(n.py_name for n in extra))
    return new


def unary(op: Operation, guard: type | None = None) -> Callable[[Any], Any]:
    """The method of a node that is `op` of the node alone.

    Args:
        op: what is applied.
        guard: the type that a value must have for the method to be there, or None.
    """
    function, counter = op.function, COUNTERS[op.name]
    # Python finds the method of an exact type at once, where `function` looks for it.
    at_once = vars(str)[op.name] if guard is str else function
    # Cells are read faster than globals, and this is read with every operation.
    current, recorder = INTERPRETER.get, RECORDER
    new_message = partial(object.__new__, MessageNode)
    atoms, serials, nothing = ATOMS, SERIALS, NOTHING

    def method(self: Any) -> Any:
        data = self._data
        exact = data.__class__ is guard
        if guard is not None and not exact:
            checked(self, op.name, guard)
        if current() is not recorder:
            return current().apply(op, (self,))
        try:
            value = at_once(data) if exact else function(data)
        except TraceMissingInputsError:
            raise
        except Exception as error:
            raise failure(op, op.keys, (self,), error) from error
        if value.__class__ not in atoms and isinstance(value, Node):
            return _of_a_node(op, op.keys, (self,), value)
        new: Any = new_message()
        new._data = value
        new._args = (self,)
        new._op = op
        new._said = None
        new._extras = nothing
        new._counter = counter
        new._index = next(counter.count)
        new._serial = next(serials)
        return new

    return method


def binary(op: Operation, on_text: Operation | None = None) -> Callable[[Any, Any], Any]:
    """The method of a node that is `op` of the node and another operand.

    Args:
        op: what is applied.
        on_text: what it is called where the node holds text; `op` by default.
    """
    function, counter, text_op = op.function, COUNTERS[op.name], on_text or op
    text_counter = COUNTERS[text_op.name]
    current, recorder = INTERPRETER.get, RECORDER
    new_message, new_node = partial(object.__new__, MessageNode), partial(object.__new__, Node)
    kinds, atoms, constants, serials, nothing = KINDS, ATOMS, _CONSTANTS, SERIALS, NOTHING

    def method(self: Any, other: Any) -> Any:
        data = self._data
        if current() is not recorder:
            return current().apply(text_op if data.__class__ is str else op, (self, other))
        if (kind := other.__class__) not in kinds:
            if kind in constants:
                raw, other = other, new_node()
                other._data = raw
                other._args = ()
                other._op = other._said = None
                other._extras = nothing
                other._counter = counted_by = constants[kind]
                other._index = next(counted_by.count)
                other._serial = next(serials)
            else:
                other = _checked_node(other)
        try:
            value = function(data, other._data)
        except TraceMissingInputsError:
            raise
        except Exception as error:
            failed = text_op if data.__class__ is str else op
            raise failure(failed, op.keys, (self, other), error) from error
        if value.__class__ not in atoms and isinstance(value, Node):
            return _of_a_node(op, op.keys, (self, other), value)
        new: Any = new_message()
        new._data = value
        new._args = (self, other)
        new._said = None
        new._extras = nothing
        if data.__class__ is str:
            new._op = text_op
            new._counter = text_counter
            new._index = next(text_counter.count)
        else:
            new._op = op
            new._counter = counter
            new._index = next(counter.count)
        new._serial = next(serials)
        return new

    return method


def reflected(op: Operation, on_text: Operation | None = None) -> Callable[[Any, Any], Any]:
    """The method for a node on the right side of an operator; as `binary`."""
    straight, constants = binary(op, on_text), _CONSTANTS
    current, recorder = INTERPRETER.get, RECORDER

    def method(self: Any, other: Any) -> Any:
        kind = other.__class__
        if current() is recorder and kind in constants:
            return straight(counted(other, constants[kind]), self)
        return straight(_checked_node(other), self)

    return method


def _install() -> None:
    for name, op, other_op, is_reflected in methods():
        if len(op.keys) == 1:
            method: Callable[..., Any] = unary(op, op.guard)
        else:
            method = (reflected if is_reflected else binary)(op, other_op)
        method.__name__ = name
        method.__qualname__ = f"Node.{name}"
        method.__doc__ = op.words.partition("] ")[2]
        setattr(Operators, name, method)


_install()
