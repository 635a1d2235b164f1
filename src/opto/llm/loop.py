"""One event loop a process, in a thread of its own, which carries all that goes over a network.

What a thread waits for in a socket, nobody can call back; a task on a loop can be cancelled,
and then its connection is closed. So whoever asks waits here, and not there.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from contextlib import nullcontext, suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

from opto.errors import ArgumentError
from opto.llm.live import GRACE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opto.llm.live import Live

__all__ = ["Loop", "here"]

T = TypeVar("T")

# Seconds after a time limit at which even a loop that somebody holds up is given up.
HELD_UP = 5.0


def here() -> Loop:
    """The loop of this process; a fork has another one than its parent."""
    process = os.getpid()
    return _LOOPS.get(process) or _LOOPS.setdefault(process, Loop())


class Loop:
    """An event loop in a thread; it starts with its first errand and ends with the program.

    Example:
        >>> async def double(x):
        ...     await asyncio.sleep(0.001)
        ...     return 2 * x
        >>> here().run(lambda: double(21))
        42
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._leave = asyncio.Event()
        # What is open, by how it is closed; held, so that nothing of it is collected in a fork,
        # where closing it would take its connections from the parent.
        self._open: set[Callable[[], Awaitable[object]]] = set()
        self._closing: set[asyncio.Task[object]] = set()

    def run(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        seconds: float | None = None,
        live: Live | None = None,
    ) -> T:
        """The result of a coroutine, for a thread that waits.

        It is cancelled, and with it what it has open, when the time is up, when `live` is
        cancelled, and when the waiting thread is interrupted.

        Args:
            call: makes the coroutine; it runs with the context variables of the caller.
            seconds: how long it may take; None for as long as it likes.
            live: what accompanies the question.

        Raises:
            TimeoutError: the time was up.
            asyncio.CancelledError: nobody wants the result any more.
        """
        loop = self._started()
        errand = _Errand(loop, call, seconds, self._leave)
        with nullcontext() if live is None else live.on_cancel(errand.cancel):
            return errand.wait()  # type: ignore[no-any-return]

    def adopt(self, close: Callable[[], Awaitable[object]], owner: object = None) -> None:
        """Have something closed on the loop when its owner is gone, at the latest at the end.

        Args:
            close: makes the coroutine that closes.
            owner: whose end is waited for; `close` must not hold it. None for the program's.
        """
        self._open.add(close)
        if owner is not None:
            finalize(owner, self._close_soon, close).atexit = False

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                begun: SimpleQueue[asyncio.AbstractEventLoop] = SimpleQueue()
                self._thread = Thread(
                    target=self._carry, args=(begun,), name="opto-loop", daemon=True
                )
                self._thread.start()
                self._loop = begun.get()
                atexit.register(self._end)
            elif self._thread is not None and self._thread.ident == get_ident():
                raise ArgumentError(
                    "this is the thread that carries all questions, so that it cannot wait for "
                    "one: a callback of the client asks in a thread of its own"
                )
            return self._loop

    def _carry(self, begun: SimpleQueue[asyncio.AbstractEventLoop]) -> None:
        # As `asyncio.run` does, but for waiting for the loop's executor: that takes a further
        # thread, which Python 3.12 does not allow at the end of a program.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._serve(begun))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _serve(self, begun: SimpleQueue[asyncio.AbstractEventLoop]) -> None:
        self._leave = asyncio.Event()
        begun.put(asyncio.get_running_loop())
        await self._leave.wait()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(close() for close in tuple(self._open)), return_exceptions=True)

    def _close_soon(self, close: Callable[[], Awaitable[object]]) -> None:
        if self._process != os.getpid():
            return
        self._open.discard(close)
        if self._loop is not None:
            _send(self._loop, self._close, close)

    def _close(self, close: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.ensure_future(close())
        self._closing.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._closing.discard)

    def _end(self) -> None:
        loop, thread = self._loop, self._thread
        if self._process != os.getpid() or loop is None or thread is None:
            return
        self._loop = None
        _send(loop, self._leave.set)
        thread.join(GRACE)


def _send(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *given: object) -> None:
    """Have something called on the loop, unless that has ended: then there is nothing to end."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *given)


# The one of this process, and in a fork those of its parents, which stay as they are.
_LOOPS: dict[int, Loop] = {}


class _Errand:
    """A coroutine that one thread waits for."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call: Callable[[], Awaitable[Any]],
        seconds: float | None,
        leave: asyncio.Event,
    ) -> None:
        self._loop = loop
        self._leave = leave
        self._call = call
        self._seconds = seconds
        self._outcome: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self._late = False
        loop.call_soon_threadsafe(self._begin)

    def wait(self) -> Any:
        longest = None if self._seconds is None else self._seconds + HELD_UP
        try:
            value, error = self._outcome.get(timeout=longest)
        except Empty:
            self.cancel()
            raise self._time_is_up() from None
        except BaseException:  # the thread was interrupted
            self.cancel()
            with suppress(Empty):
                self._outcome.get(timeout=GRACE)
            raise
        try:
            if error is not None:
                raise error
            return value
        finally:
            del error  # else it would hold, in a circle, all that its traceback has seen

    def cancel(self) -> None:
        # After `_begin`, whichever thread this is: the loop keeps the order.
        _send(self._loop, self._stop)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._go())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before its first step, so that it could say nothing itself
            self._tell(None, asyncio.CancelledError())

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _expire(self) -> None:
        self._late = True
        self._stop()

    async def _go(self) -> None:
        timer = None
        if self._seconds is not None:
            timer = self._loop.call_later(self._seconds, self._expire)
        try:
            self._tell(await self._call(), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            # Raised there, it would get what the asker is handling just then as its context.
            error.__cause__ = error.__cause__ or error.__context__
            self._tell(None, self._time_is_up() if self._late else error)
        finally:
            if timer is not None:
                timer.cancel()

    def _tell(self, value: Any, error: BaseException | None) -> None:
        # At the program's end only daemons wait; nobody is there to hear why in vain.
        if not self._leave.is_set():
            self._outcome.put((value, error))

    def _time_is_up(self) -> TimeoutError:
        return TimeoutError(f"no complete answer within {self._seconds:g} s")
