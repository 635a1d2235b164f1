"""The text of an answer, piece by piece, while it is written."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from opto.errors import ArgumentError, ModelUnavailable
from opto.llm.aside import Outcome, begin
from opto.llm.live import GRACE, Live

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from opto.llm.types import Reply, Request

__all__ = ["AsyncStream", "Stream"]


class _Told:
    """What a stream has told so far, whichever way it is read.

    A model that cannot tell its text in pieces, and a reply out of a record, is one piece.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._outcome: Outcome | None = None
        self._said = False

    @property
    def reply(self) -> Reply:
        """The whole reply, with what it cost, once the text has been read to its end.

        Raises:
            ArgumentError: it has not.
            ModelError: the model did not answer, or not to the end.
        """
        if self._outcome is None:
            raise ArgumentError(
                "a stream has its reply when its text has been read to the end, and not before "
                "or after it was left early; for the reply alone call the model itself"
            )
        return self._outcome.get()

    def _next(self, item: str | Outcome) -> str | None:
        """The piece that comes after those so far; None at the end."""
        if isinstance(item, Outcome):
            self._outcome = self._judged(item)
            text = self._outcome.get().text
            item = "" if self._said else text
        self._said = True
        return item or None

    def _judged(self, outcome: Outcome) -> Outcome:
        if not self._live.broken or isinstance(outcome.value, BaseException):
            return outcome
        return Outcome(
            ModelUnavailable(
                f"the text broke off after {self._live.given} characters, and another model "
                f"answered in its place; what was told is not the beginning of that answer"
            )
        )


class Stream(_Told):
    """The text of one answer in pieces, in a loop; made by ``LLM.stream``.

    Leaving the loop early, or `close`, cancels the request: the connection is closed, and
    the model stops writing.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> with ScriptedLLM(["Hello"]).stream("Greet me.") as stream:
        ...     pieces = list(stream)
        >>> pieces, stream.reply.text
        (['Hello'], 'Hello')
    """

    def __init__(self, ask: Callable[[Request], Reply], request: Request) -> None:
        self._items: SimpleQueue[str | Outcome] = SimpleQueue()
        super().__init__(Live(self._items.put))
        begin(ask, request, self._live, self._items.put)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> str:
        if self._outcome is not None or self._live.cancelled:
            raise StopIteration
        try:
            piece = self._next(self._items.get())
        except BaseException:
            self._live.cancel()
            raise
        if piece is None:
            raise StopIteration
        return piece

    def close(self) -> None:
        """Cancel what is under way; nothing where the text was read to its end."""
        if self._outcome is None and not self._live.cancelled:
            self._live.cancel()
            with suppress(Empty):
                while not isinstance(self._items.get(timeout=GRACE), Outcome):
                    pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Not `close`: this may be any thread, at any moment, and must not wait.
        if live := vars(self).get("_live"):
            live.cancel()


class AsyncStream(_Told):
    """The text of one answer in pieces, in an ``async for``; made by ``LLM.stream_async``.

    Leaving the loop early, `aclose`, and cancelling the task that reads cancel the request.

    Example:
        >>> import asyncio
        >>> from opto.llm import ScriptedLLM
        >>> async def told():
        ...     async with ScriptedLLM(["Hello"]).stream_async("Greet me.") as stream:
        ...         return [piece async for piece in stream], stream.reply.text
        >>> asyncio.run(told())
        (['Hello'], 'Hello')
    """

    def __init__(self, ask: Callable[[Request], Reply], request: Request) -> None:
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[str | Outcome] = asyncio.Queue()

        def put(item: str | Outcome) -> None:
            # A loop that has ended meanwhile has nobody left who reads.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(items.put_nowait, item)

        super().__init__(Live(put))
        self._items = items
        begin(ask, request, self._live, put)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> str:
        if self._outcome is not None or self._live.cancelled:
            raise StopAsyncIteration
        try:
            piece = self._next(await self._items.get())
        except BaseException:
            self._live.cancel()
            raise
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Cancel what is under way; nothing where the text was read to its end."""
        if self._outcome is None and not self._live.cancelled:
            self._live.cancel()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended(), GRACE)

    async def _ended(self) -> None:
        while not isinstance(await self._items.get(), Outcome):
            pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if live := vars(self).get("_live"):
            live.cancel()
