"""Objects as bytes in which each node is a number: what is a node on both sides stays one.

Reading such bytes can run code, as with every pickle, so read only those of a program of
your own.
"""

from __future__ import annotations

import io
import pickle
from types import FunctionType
from typing import TYPE_CHECKING, Any

from opto.trace.bundle import FunModule
from opto.trace.graft.addresses import bind_all, bundled
from opto.trace.value import Node

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reader", "Writer", "arrives", "node_at", "reason", "same", "travels"]


class Writer(pickle.Pickler):
    """Writes objects one after the other; an object that is met again is written once.

    Args:
        number: what is written in the place of a node; `Reader` gives it to its `node_at`.

    Attributes:
        met: the functions and classes that were written, by their names.
    """

    def __init__(self, number: Callable[[Any], tuple[Any, ...]]) -> None:
        self._number, self._buffer = number, io.BytesIO()
        self.met: list[Any] = []
        self._methods: dict[type, tuple[str, ...]] = {}
        super().__init__(self._buffer, protocol=5)

    # A persistent id would be asked for each number of a long list; this is for objects only.
    def reducer_override(self, obj: Any) -> Any:
        """How nodes are written, and what is to be noticed of other objects."""
        kind = type(obj)
        if issubclass(kind, Node):
            return node_at, self._number(obj)
        if issubclass(kind, (type, FunctionType, FunModule)):
            self.met.append(obj)
        else:
            if kind not in self._methods:
                self._methods[kind] = bundled(kind)
            bind_all(obj, self._methods[kind])
        return NotImplemented

    def written(self) -> bytes:
        """All that was written."""
        return self._buffer.getvalue()


def node_at(*_number: Any) -> Any:
    """Stands in the bytes for what a `Reader` makes of a number."""
    raise pickle.UnpicklingError("this is read by opto.trace.graft.wire.Reader")


class Reader(pickle.Unpickler):
    """Reads what a `Writer` wrote, one object at each `load`.

    Args:
        packed: what was written.
        node_at: gives the node for what the writer wrote in its place.
    """

    def __init__(self, packed: bytes, node_at: Callable[..., Any]) -> None:
        super().__init__(io.BytesIO(packed))
        self._node_at = node_at

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the bytes stands for."""
        if name == "node_at" and module == __name__:
            return self._node_at
        return super().find_class(module, name)


def travels(value: Any) -> str | None:
    """Why `value` cannot be sent, or None where it can."""
    try:
        _bytes(value)
    except Exception as error:  # noqa: BLE001 - anything may go wrong in a foreign __reduce__
        return reason(error)
    return None


def arrives(value: Any) -> str | None:
    """The same, where it must be certain that it can be read too."""
    try:
        Reader(_bytes(value), node_at).load()
    except Exception as error:  # noqa: BLE001 - as in `travels`
        return reason(error)
    return None


def _bytes(value: Any) -> bytes:
    writer = Writer(lambda _node: ())
    writer.dump(value)
    return writer.written()


def reason(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and read alike; where they do not say, whether in bytes."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        # 1 and 1.0 are equal, also in lists, but do not read alike.
        return bool(one == other) and repr(one) == repr(other)
    except Exception:  # noqa: BLE001 - arrays, and whatever else answers == with no truth value
        return travels(one) is None and travels(other) is None and _bytes(one) == _bytes(other)
