"""The node of a stream as what it is in Python: a generator, of the nodes of its items."""

from __future__ import annotations

from typing import Any, TypeVar

from opto.trace.nodes import MessageNode
from opto.trace.tape import READS

__all__ = ["AsyncItems", "AsyncStreamNode", "Items", "StreamNode", "exception"]

T = TypeVar("T")


class _Source:
    """What items are drawn from."""

    __slots__ = ()

    def _source(self) -> Any:
        """The node of the stream: itself, unless it says otherwise."""
        return self


class _Drawing(_Source):
    """A generator of the items of a stream as nodes."""

    __slots__ = ()

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        node = _looked_at(self._source())
        stream = node._data
        return stream.step(node, stream.body.send)

    def send(self, value: Any) -> Any:
        """The next item, with `value`, plain or a node, as what ``yield`` gives inside."""
        node = _looked_at(self._source())
        stream = node._data
        inside, sent = stream.watch.taken(value)
        return stream.step(node, stream.body.send, inside, sent)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """The next item, with an exception raised at the present ``yield``."""
        node, error = _looked_at(self._source()), exception(typ, val, tb)
        stream = node._data
        return stream.step(node, stream.body.throw, error, thrown=error)

    def close(self) -> None:
        """End the body where it is; what it does finally is done."""
        self._source()._data.close()


class _AsyncDrawing(_Source):
    """An asynchronous generator of the items of a stream as nodes."""

    __slots__ = ()

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        node = _looked_at(self._source())
        stream = node._data
        return await stream.step(node, stream.body.asend)

    async def asend(self, value: Any) -> Any:
        """The next item, with `value`, plain or a node, as what ``yield`` gives inside."""
        node = _looked_at(self._source())
        stream = node._data
        inside, sent = stream.watch.taken(value)
        return await stream.step(node, stream.body.asend, inside, sent)

    async def athrow(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """The next item, with an exception raised at the present ``yield``."""
        node, error = _looked_at(self._source()), exception(typ, val, tb)
        stream = node._data
        return await stream.step(node, stream.body.athrow, error, thrown=error)

    async def aclose(self) -> None:
        """End the body where it is; what it does finally is done."""
        await self._source()._data.aclose()


class StreamNode(_Drawing, MessageNode[T]):
    """The node of a stream, which is a generator of the nodes of its items.

    Example:
        >>> from opto.trace import bundle, node
        >>> @bundle()
        ... def count(n):
        ...     for i in range(n):
        ...         yield i
        >>> x = node(2, name="n")
        >>> [(item.data, item.parents[0].parents == [x]) for item in count(x)]
        [(0, True), (1, True)]
    """

    __slots__ = ()


class AsyncStreamNode(_AsyncDrawing, MessageNode[T]):
    """The node of an asynchronous stream: a generator of the nodes of its items."""

    __slots__ = ()


class _Elsewhere(_Source):
    """A generator of the items of a node that is another step than that which made the stream.

    Args:
        node: holds the stream; what the items are recorded to come from.
    """

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node: Any = node

    def _source(self) -> Any:
        return self.node


class Items(_Elsewhere, _Drawing):
    """The items of a stream, elsewhere."""

    __slots__ = ()


class AsyncItems(_Elsewhere, _AsyncDrawing):
    """The items of an asynchronous stream, elsewhere."""

    __slots__ = ()


def _looked_at(node: Any) -> Any:
    """`node`; drawing from it is a use of it."""
    reads = READS.get()
    if reads is not None and not (reads and reads[-1] is node):
        reads.append(node)
    return node


def exception(typ: Any, val: Any, tb: Any) -> BaseException:
    """The exception that the arguments of `throw` stand for, in any of their old forms."""
    if isinstance(typ, BaseException):
        error = typ
    elif isinstance(val, BaseException):
        error = val
    elif isinstance(typ, type) and issubclass(typ, BaseException):
        error = typ() if val is None else typ(val)
    else:
        raise TypeError(f"throw() takes an exception, not {typ!r}")
    return error if tb is None else error.with_traceback(tb)
