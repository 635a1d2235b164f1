"""Running a plan: the algorithm yields questions, a driver brings the answers.

A plan is a generator of tuples of requests that is sent tuples of replies and returns its
result. It does nothing itself, so that one body runs with a model, without one, with an
event loop, or again from a record.

Source: DESIGN 5, "Optimizers do no I/O"; the idea is httpx's ``auth_flow``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from opto.llm import Reply, Request

__all__ = ["Plan", "drive", "drive_async"]

T = TypeVar("T")

Plan = Generator["tuple[Request, ...]", "tuple[Reply, ...]", T]
"""A generator of questions that may be asked at the same time."""


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
            replies = answer(requests)
    finally:
        plan.close()


async def drive_async(
    plan: Plan[T], answer: Callable[[tuple[Request, ...]], Awaitable[tuple[Reply, ...]]]
) -> T:
    """The result of a plan whose answers are awaited.

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
            replies = await answer(requests)
    finally:
        plan.close()
