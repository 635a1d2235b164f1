"""From the table of operations to the methods of a node.

A method only says which operation is applied to what; who interprets that is in
the context. So operators stand below nodes, and know nothing of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.trace.table import OPERATIONS
from opto.trace.tape import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.trace.table import Operation

__all__ = ["Operators"]

_ADD, _CONCAT = OPERATIONS["add"], OPERATIONS["concat"]
_POWER, _ROUND = OPERATIONS["power"], OPERATIONS["round"]
_CALL, _GETATTR = OPERATIONS["call"], OPERATIONS["node_getattr"]


def _plain(operation: Operation) -> Callable[..., Any]:
    """A method that gives the node and its arguments to the operation."""
    current = INTERPRETER.get
    if len(operation.keys) == 1:

        def unary(self: Any) -> Any:
            return current().apply(operation, (self,))

        return unary

    def binary(self: Any, other: Any) -> Any:
        return current().apply(operation, (self, other))

    return binary


def _reflected(operation: Operation) -> Callable[..., Any]:
    """A method for a node on the right side of an operator."""
    current = INTERPRETER.get

    def reflected(self: Any, other: Any) -> Any:
        return current().apply(operation, (other, self))

    return reflected


def _guarded(method: Callable[..., Any], name: str, kind: type) -> Callable[..., Any]:
    """`method`, there only for values of one type."""

    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        _check(self, name, kind)
        return method(self, *args, **kwargs)

    return guarded


def _check(node: Any, name: str, kind: type) -> None:
    if not isinstance(node._data, kind):
        # What an object of another type says of a method that it has not.
        raise AttributeError(  # noqa: TRY004
            f"{node.name} holds a {type(node._data).__name__}, and .{name}() is a method of nodes "
            f"that hold a {kind.__name__}; use .call({name!r}) to call a method of the value"
        )


class Operators:
    """The operators and methods of a node that are recorded.

    What is alike is made from the table; written out is what takes options.
    """

    __slots__ = ()

    _data: Any

    def __add__(self, other: Any) -> Any:
        operation = _CONCAT if type(self._data) is str else _ADD
        return INTERPRETER.get().apply(operation, (self, other))

    def __radd__(self, other: Any) -> Any:
        operation = _CONCAT if type(other) is str else _ADD
        return INTERPRETER.get().apply(operation, (other, self))

    def __pow__(self, other: Any) -> Any:
        return INTERPRETER.get().apply(_POWER, (self, other))

    def __rpow__(self, other: Any) -> Any:
        return INTERPRETER.get().apply(_POWER, (other, self))

    def __round__(self, n: Any = None) -> Any:
        return INTERPRETER.get().apply(_ROUND, (self,) if n is None else (self, n))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result of calling the value, as a node."""
        return INTERPRETER.get().apply(_CALL, (self, *args), kwargs)

    def getattr(self, key: str) -> Any:
        """The attribute `key` of the value, as a node."""
        return INTERPRETER.get().apply(_GETATTR, (self, key))

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """The result of the value's method `fun`, as a node."""
        return self.getattr(fun)(*args, **kwargs)

    def len(self) -> Any:
        """The length of the value, as a node (``len(node)`` is an int)."""
        return INTERPRETER.get().apply(OPERATIONS["len_"], (self,))

    def append(self, item: Any) -> Any:
        """Append `item` to the value, in place as Python does."""
        return self.call("append", item)

    def pop(self, index: Any = -1) -> Any:
        """Take the item at `index` out of the value, in place as Python does."""
        return INTERPRETER.get().apply(OPERATIONS["pop"], (self, index))

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of `key`, or `default`, as a node."""
        return INTERPRETER.get().apply(OPERATIONS["get"], (self, key, default))

    def split(self, sep: Any = None, maxsplit: Any = -1) -> Any:
        """The parts of a text between `sep`, as a node."""
        _check(self, "split", str)
        return INTERPRETER.get().apply(OPERATIONS["split"], (self, sep, maxsplit))

    def strip(self, chars: Any = None) -> Any:
        """A text without `chars` at its ends, as a node."""
        _check(self, "strip", str)
        return INTERPRETER.get().apply(OPERATIONS["strip"], (self, chars))

    def replace(self, old: Any, new: Any, count: Any = -1) -> Any:
        """A text with `old` replaced by `new`, as a node."""
        _check(self, "replace", str)
        return INTERPRETER.get().apply(OPERATIONS["replace"], (self, old, new, count))

    def join(self, seq: Any) -> Any:
        """The texts of `seq`, raw or nodes, joined by this one, as a node."""
        _check(self, "join", str)
        return INTERPRETER.get().apply(OPERATIONS["join"], (self, *seq))

    # Positional-only, so that a template may have fields called self or x.
    def format(self, /, *args: Any, **kwargs: Any) -> Any:
        """A template with its fields filled in, as a node."""
        _check(self, "format", str)
        return INTERPRETER.get().apply(OPERATIONS["format"], (self, *args), kwargs)


def _install() -> None:
    for name, operation in OPERATIONS.items():
        if operation.method:
            method = _plain(operation)
            if operation.guard is not None:
                method = _guarded(method, name, operation.guard)
            _add(name, method, operation)
        for dunder in operation.dunder:
            made = _reflected if dunder.startswith("__r") and dunder != "__rshift__" else _plain
            _add(dunder, made(operation), operation)


def _add(name: str, method: Callable[..., Any], operation: Operation) -> None:
    method.__name__ = name
    method.__qualname__ = f"Node.{name}"
    method.__doc__ = operation.words.partition("] ")[2]
    setattr(Operators, name, method)


_install()
