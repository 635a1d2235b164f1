"""A call that waits in a thread of its own, while its host functions run in the calling task."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from inspect import iscoroutine
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.sandbox.host import Conversation
    from opto.sandbox.outcome import Outcome

__all__ = ["Aside", "waited_for"]


class Aside:
    """One call from within an event loop.

    A thread of its own, not one of the loop's few: it does nothing but wait.

    Args:
        total: seconds after which no host function is waited for any more.
    """

    def __init__(self, total: float) -> None:
        self._until = time.monotonic() + total
        self._loop = asyncio.get_running_loop()
        # What the thread wants: a host function called, or (None) that its result be taken.
        self._wanted: asyncio.Queue[Callable[[], Any] | None] = asyncio.Queue()
        self._answer: Future[Any] = Future()
        self._held: Conversation | None = None
        self._given_up = False

    async def run(self, call: Callable[[], Outcome]) -> Outcome:
        """Make a call in the thread, and whatever it asks for in this task.

        When the task is cancelled, the code is killed.
        """
        done: Future[Outcome] = Future()
        context = copy_context()

        def work() -> None:
            try:
                done.set_result(context.run(call))
            except BaseException as error:  # noqa: BLE001 - it is raised in the task
                done.set_exception(error)
            self._want(None)

        Thread(target=work, name="opto-sandbox", daemon=True).start()
        try:
            while (wanted := await self._wanted.get()) is not None:
                await self._give(wanted)
            return done.result()
        finally:
            self._give_up()

    def ask(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Called in the thread: have a function called in the task."""
        answer: Future[Any] = Future()
        self._answer = answer
        if not self._given_up:
            self._want(lambda: function(*args, **kwargs))
            return answer.result()
        raise TimeoutError("nobody waits for the result")

    def holding(self, conversation: Conversation) -> None:
        """Called in the thread: this is what to end when the task is cancelled."""
        self._held = conversation
        if self._given_up:
            conversation.abandon()

    def _want(self, wanted: Callable[[], Any] | None) -> None:
        with suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._wanted.put_nowait, wanted)

    async def _give(self, wanted: Callable[[], Any]) -> None:
        answer = self._answer
        try:
            value = wanted()
            if iscoroutine(value):
                value = await asyncio.wait_for(value, self._until - time.monotonic())
        except Exception as error:  # noqa: BLE001 - the conversation tells its class
            answer.set_exception(error)
        else:
            answer.set_result(value)

    def _give_up(self) -> None:
        self._given_up = True
        self._answer.cancel()
        if self._held is not None:
            self._held.abandon()


def waited_for(coroutine: Any) -> Any:
    """What a coroutine returns, without a loop to await it in.

    It runs in a thread, as a loop may be running in this one.
    """
    done: Future[Any] = Future()
    context = copy_context()

    def work() -> None:
        try:
            done.set_result(context.run(asyncio.run, coroutine))
        except BaseException as error:  # noqa: BLE001 - it is raised by `result`
            done.set_exception(error)

    thread = Thread(target=work, name="opto-sandbox-host", daemon=True)
    thread.start()
    return done.result()
