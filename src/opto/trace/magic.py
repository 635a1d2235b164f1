"""The methods of a node that are recorded: which operation each of them is.

Methods that take options are written out here: they say what is applied to what, and
who interprets that is in the context. So they stand below nodes, and know nothing of
them. What is alike is only listed; `record` makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opto.trace.table import OPERATIONS
from opto.trace.tape import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.trace.table import Operation

__all__ = ["Operators", "checked", "methods"]

T_co = TypeVar("T_co", covariant=True)

_CALL, _GETATTR, _ROUND = OPERATIONS["call"], OPERATIONS["node_getattr"], OPERATIONS["round"]


def checked(node: Any, name: str, kind: type) -> None:
    """See that `node` holds a `kind`, of which the method `name` is.

    Raises:
        AttributeError: it does not.
    """
    if not isinstance(node._data, kind):
        # What an object of another type says of a method that it has not.
        raise AttributeError(  # noqa: TRY004
            f"{node.name} holds a {type(node._data).__name__}, and .{name}() is a method of nodes "
            f"that hold a {kind.__name__}; use .call({name!r}) to call a method of the value"
        )


class Operators(Generic[T_co]):
    """The operators and methods of a node that are recorded."""

    __slots__ = ()

    _data: Any

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
        checked(self, "split", str)
        return INTERPRETER.get().apply(OPERATIONS["split"], (self, sep, maxsplit))

    def strip(self, chars: Any = None) -> Any:
        """A text without `chars` at its ends, as a node."""
        checked(self, "strip", str)
        return INTERPRETER.get().apply(OPERATIONS["strip"], (self, chars))

    def replace(self, old: Any, new: Any, count: Any = -1) -> Any:
        """A text with `old` replaced by `new`, as a node."""
        checked(self, "replace", str)
        return INTERPRETER.get().apply(OPERATIONS["replace"], (self, old, new, count))

    def join(self, seq: Any) -> Any:
        """The texts of `seq`, raw or nodes, joined by this one, as a node."""
        checked(self, "join", str)
        return INTERPRETER.get().apply(OPERATIONS["join"], (self, *seq))

    # Positional-only, so that a template may have fields called self or x.
    def format(self, /, *args: Any, **kwargs: Any) -> Any:
        """A template with its fields filled in, as a node."""
        checked(self, "format", str)
        return INTERPRETER.get().apply(OPERATIONS["format"], (self, *args), kwargs)


def methods() -> Iterator[tuple[str, Operation, Operation | None, bool]]:
    """The methods that are alike: what nodes have of the table, one after another.

    Yields:
        The name of the method; its operation; what that is called where the left operand
        is text, if it has another name then; whether the node is the right operand.
    """
    for name, operation in OPERATIONS.items():
        if operation.method:
            yield name, operation, None, False
        on_text = OPERATIONS["concat"] if name == "add" else None
        for dunder in operation.dunder:
            is_reflected = dunder.startswith("__r") and dunder != "__rshift__"
            yield dunder, operation, on_text, is_reflected
