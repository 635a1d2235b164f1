"""Running a plan: the algorithm yields questions, a driver brings the answers.

A plan is a generator of tuples of requests that is sent tuples of replies and returns its
result. It does nothing itself, so that one body runs with a model, without one, with an
event loop, or again from a record. What takes long and is no question, it leaves to the
driver as well: `Work`.

Source: DESIGN 5, "Optimizers do no I/O"; the idea is httpx's ``auth_flow``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from opto.llm import Reply, Request

__all__ = ["Plan", "Work", "drive", "drive_async"]

T = TypeVar("T")

Plan = Generator["tuple[Request, ...]", "tuple[Reply, ...]", T]
"""A generator of questions that may be asked at the same time."""


@dataclass(frozen=True, slots=True)
class Work:
    """The user's program, to be run between two rounds: a plan that yields it is sent its result.

    Args:
        run: the program; what it raises ends the plan.
    """

    run: Callable[[], Any]

    def result(self) -> Generator[Any, Any, Any]:
        """The result, within a plan: ``yield from work.result()``.

        Example:
            >>> def add():
            ...     return (yield from Work(lambda: 1 + 2).result())
            >>> drive(add(), lambda requests: ())
            3
        """
        return (yield self)


def drive(plan: Plan[T], answer: Callable[[tuple[Request, ...]], tuple[Reply, ...]]) -> T:
    """The result of a plan.

    Args:
        plan: a fresh generator.
        answer: gives the replies to the requests of one round, in their order. What it
            raises ends the plan and passes through.

    Example:
        >>> from opto.llm import Reply, Request
        >>> def ask_twice():
        ...     first, second = yield Request.of("1?"), Request.of("2?")
        ...     return first.text + second.text
        >>> drive(ask_twice(), lambda asked: tuple(Reply(r.messages[0]["content"]) for r in asked))
        '1?2?'
    """
    replies: Any = None
    try:
        while True:
            # What `answer` raises, were it a StopIteration, is not the end of the plan.
            try:
                requests = plan.send(replies)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            work = cast("Any", requests)
            replies = work.run() if isinstance(work, Work) else answer(requests)
    finally:
        plan.close()


async def drive_async(
    plan: Plan[T], answer: Callable[[tuple[Request, ...]], Awaitable[tuple[Reply, ...]]]
) -> T:
    """The result of a plan whose answers are awaited.

    `Work` runs in a thread, with the context of the caller. It cannot be stopped: when the
    task is cancelled meanwhile, it comes to its end first, so that it leaves nothing half done.

    Args:
        plan: a fresh generator.
        answer: a coroutine function, otherwise as in `drive`.
    """
    replies: Any = None
    try:
        while True:
            try:
                requests = plan.send(replies)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            work = cast("Any", requests)
            replies = await (_aside(work.run) if isinstance(work, Work) else answer(requests))
    finally:
        plan.close()


async def _aside(run: Callable[[], Any]) -> Any:
    # lazy: 30 ms of import; whoever awaits has paid for it
    from asyncio import CancelledError, create_task, shield, to_thread, wait

    task = create_task(to_thread(run))
    try:
        return await shield(task)
    except CancelledError:
        while not task.done():
            try:
                await wait({task})
            except CancelledError:  # asked again to stop, while it stops
                continue
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told that it was not
        raise
