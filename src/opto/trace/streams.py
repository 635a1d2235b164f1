"""Generators as operations: a stream is a node, and so is each item that it gives.

The value of the node of a stream is a generator of plain values. Iterating over the node
gives nodes, whose input is the node of the stream, and whatever else the body had used.
"""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from opto.errors import NodeError, TraceMissingInputsError
from opto.trace.drawing import AsyncItems, AsyncStreamNode, Items, StreamNode, exception
from opto.trace.iterators import AsyncStreamed, Streamed
from opto.trace.nodes import MessageNode, Node
from opto.trace.registry import SERIALS
from opto.trace.watch import RETURNED, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Absent", "AsyncStream", "Stream", "watched"]


def watched(call: Any, body: Any) -> Any:
    """The stream of a body that a call made: an object of one of the types in `LAZY`."""
    if body.__class__ is AsyncGeneratorType:
        return AsyncStream(body, Watch(call))
    return Stream(body if body.__class__ is GeneratorType else _drawn(body), Watch(call))


def _drawn(iterator: Iterator[Any]) -> Any:
    yield from iterator


class _Body:
    """What the two kinds of streams have in common."""

    __slots__ = ("__weakref__", "body", "watch")

    def __init__(self, body: Any, watch: Watch) -> None:
        self.body: Any = body
        self.watch: Watch = watch

    def held(self) -> set[int]:
        """What whoever has the stream may use with it; by `id`."""
        return self.watch.held()

    def begin(self, node: Any) -> None:
        """Know that `node` holds the stream, as the result of a call."""
        self.watch.begin(node)

    def _passes(self, node: Any, error: Exception, thrown: BaseException | None) -> bool:
        """Whether `error`, which a step has ended in, comes out as it is."""
        if node is None:
            # Whoever asked for the item fails now, or not: it has looked at it.
            self.watch.plain(None, check=False)
            return True
        # A body that goes on has not failed: it could not be entered in this way.
        return error is thrown or not self._over() or not self.watch.call.callee.catch

    def _over(self) -> bool:
        """Whether the body has come to its end."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Names and state, such as `gi_frame`, which `inspect` and debuggers ask for.
        return getattr(self.body, name)

    # There is one body, however many copies of its node there are.
    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __reduce__(self) -> Any:
        return Absent, (repr(self),)


class Absent(Streamed):
    """What a stream is in a copy of its graph elsewhere: a body does not travel.

    Args:
        name: how the stream shows itself.
    """

    __slots__ = ("name",)
    as_node = MessageNode

    def __init__(self, name: str) -> None:
        self.name: str = name

    def items(self, node: Any) -> Any:  # noqa: ARG002 - as in all streams
        """Say that there are none."""
        return self.body

    @property
    def body(self) -> Any:
        """What would run."""
        raise NodeError(
            f"{self.name} is a copy without a body, which stayed in the process that called the "
            "function; send its items, or a list of them, instead"
        )

    step: Any = body
    watch: Any = body

    def held(self) -> set[int]:
        """What whoever has it may use with it; by `id`."""
        return set()

    def begin(self, node: Any) -> None:
        """There is nobody to know its node."""

    def __repr__(self) -> str:
        return self.name


class Stream(_Body, Streamed):
    """A generator whose body is watched. Driven itself, it gives plain values.

    Args:
        body: the generator of Python.
        watch: what it uses.
    """

    __slots__ = ()
    as_node = StreamNode

    def items(self, node: Any) -> Items:
        """The items as nodes, of which `node` is the stream."""
        return Items(node)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        return self.step(None, self.body.send)

    def send(self, value: Any) -> Any:
        """The next value, with `value` as what the present ``yield`` gives inside."""
        return self.step(None, self.body.send, _value(value))

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """The next value, with an exception raised at the present ``yield``."""
        error = exception(typ, val, tb)
        return self.step(None, self.body.throw, error, thrown=error)

    def close(self) -> None:
        """End the body where it is; what it does finally is done."""
        body, watch = self.body, self.watch
        if body.gi_running:
            body.close()  # which says what is wrong with that
        try:
            watch.context.run(body.close)
        finally:
            watch.end()

    def step(
        self,
        node: Any,
        act: Callable[[Any], Any],
        value: Any = None,
        sent: Any = None,
        thrown: BaseException | None = None,
    ) -> Any:
        """Let the body run as far as its next ``yield``.

        Args:
            node: the node of the stream, if the item is to be a node.
            act: how to enter the body.
            value: what to enter it with.
            sent: the node of that, if it is to be an input of the item.
            thrown: what is not the failure of the body, though it comes out of it.

        Raises:
            StopIteration: the body has ended.
            ExecutionError: it has failed, and `node` is given; else the error itself.
            TraceMissingInputsError: it used a node that it may not use.
        """
        watch, body = self.watch, self.body
        if body.gi_running:
            act(value)  # which says what is wrong with that
        # As `watch.run` does; a frame less for each level of a recursion.
        start = next(SERIALS)
        try:
            try:
                out = watch.context.run(act, value)
            finally:
                watch.ran(start)
        except StopIteration as end:
            if node is None:
                raise StopIteration(watch.plain(end.value)) from None
            if end.value is None:
                raise StopIteration from None
            raise StopIteration(watch.item(node, end.value, sent, RETURNED)) from None
        except TraceMissingInputsError:
            raise
        except Exception as error:
            # No name for what is raised: its traceback would hold it, and be held by it.
            if self._passes(node, error, thrown):
                raise
            raise watch.failed(node, error, sent) from error
        finally:
            if self._over():
                watch.end()
        try:
            return watch.plain(out) if node is None else watch.item(node, out, sent)
        except TraceMissingInputsError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<generator {self.body.__qualname__}>"

    def _over(self) -> bool:
        return self.body.gi_frame is None

    def __del__(self) -> None:
        # In the context in which it has set what its `finally` is going to reset.
        if not self._over():
            self.watch.context.run(self.body.close)


class AsyncStream(_Body, AsyncStreamed):
    """An asynchronous generator whose body is watched; else like `Stream`.

    Args:
        body: the asynchronous generator of Python.
        watch: what it uses.
    """

    __slots__ = ()
    as_node = AsyncStreamNode

    def items(self, node: Any) -> AsyncItems:
        """The items as nodes, of which `node` is the stream."""
        return AsyncItems(node)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Any:
        return await self.step(None, self.body.asend)

    async def asend(self, value: Any) -> Any:
        """The next value, with `value` as what the present ``yield`` gives inside."""
        return await self.step(None, self.body.asend, _value(value))

    async def athrow(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """The next value, with an exception raised at the present ``yield``."""
        error = exception(typ, val, tb)
        return await self.step(None, self.body.athrow, error, thrown=error)

    async def aclose(self) -> None:
        """End the body where it is; what it does finally is done."""
        try:
            await self.watch.awaited(self.body.aclose())
        finally:
            if self._over():
                self.watch.end()

    async def step(
        self,
        node: Any,
        act: Callable[[Any], Any],
        value: Any = None,
        sent: Any = None,
        thrown: BaseException | None = None,
    ) -> Any:
        """Let the body run as far as its next ``yield``; see `Stream.step`.

        Raises:
            StopAsyncIteration: the body has ended.
            ExecutionError: it has failed, and `node` is given; else the error itself.
            TraceMissingInputsError: it used a node that it may not use.
        """
        watch = self.watch
        try:
            out = await watch.awaited(act(value))
        except StopAsyncIteration:
            if node is None:
                watch.plain(None)
            raise
        except TraceMissingInputsError:
            raise
        except Exception as error:
            # No name for what is raised: its traceback would hold it, and be held by it.
            if self._passes(node, error, thrown):
                raise
            raise watch.failed(node, error, sent) from error
        finally:
            if self._over():
                self.watch.end()
        try:
            return watch.plain(out) if node is None else watch.item(node, out, sent)
        except TraceMissingInputsError:
            await self.aclose()
            raise

    def _over(self) -> bool:
        return self.body.ag_frame is None

    def __repr__(self) -> str:
        return f"<async generator {self.body.__qualname__}>"


def _value(sent: Any) -> Any:
    return sent.data if isinstance(sent, Node) else sent
