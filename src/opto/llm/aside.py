"""A question that is answered in a thread of its own while its asker goes on."""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop, wait
from contextlib import nullcontext, suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING

from opto.llm.live import GRACE, Live

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm.types import Reply, Request

__all__ = ["Outcome", "answered", "begin"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a question ended: with a reply, or with what was raised instead."""

    value: Reply | BaseException

    def get(self) -> Reply:
        """The reply, or raise what was raised."""
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def begin(
    ask: Callable[[Request], Reply],
    request: Request,
    live: Live,
    done: Callable[[Outcome], object],
) -> None:
    """Have a request answered in a thread of its own, with the context of the caller.

    Args:
        ask: answers it.
        request: what is asked.
        live: what accompanies it from here on. What accompanied it so far ends this as well.
        done: takes the outcome, in that thread.
    """
    outer, context = request.live, copy_context()
    accompanied = replace(request, live=live)

    def run() -> None:
        with nullcontext() if outer is None else outer.on_cancel(live.cancel):
            try:
                outcome = Outcome(context.run(ask, accompanied))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                outcome = Outcome(error)
        done(outcome)

    # Daemons: a question that nobody waits for any more holds up no program's end.
    Thread(target=run, name="opto-llm", daemon=True).start()


async def answered(ask: Callable[[Request], Reply], request: Request) -> Reply:
    """The reply of `ask`, which may block, to a task that does not.

    A thread of its own, and none of the loop's executor: that has a handful, and a question
    takes seconds. When the task is cancelled, what is under way is cancelled as well.

    Raises:
        ModelError: whatever `ask` raises.
    """
    loop = get_running_loop()
    outcome = loop.create_future()
    outer = request.live
    live = Live(outer.text if outer is not None and outer.listens else None)

    def done(result: Outcome) -> None:
        # A loop that has ended meanwhile has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(outcome.set_result, result)

    begin(ask, request, live, done)
    try:
        await wait([outcome])
    except CancelledError:
        live.cancel()
        await wait([outcome], timeout=GRACE)
        raise
    result: Outcome = outcome.result()
    return result.get()
