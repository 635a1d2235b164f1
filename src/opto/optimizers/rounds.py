"""The questions of one round, asked at the same time: by threads, or by tasks.

What a round gives does not depend on who is faster. The replies come in the order of the
questions; equal questions are told apart beforehand; and where some fail, what is raised is
what asking one after the other would have raised, so that a run that is resumed fails alike.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.llm.live import GRACE, Live

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from opto.llm import Reply, Request

__all__ = ["gathered", "together", "told_apart"]


def told_apart(requests: Sequence[Request]) -> tuple[Request, ...]:
    """The requests, equal ones as different samples of one question.

    Else the record of a run would tell them apart by who came first, and two threads that
    change places would change their answers.

    Example:
        >>> from opto.llm import Request
        >>> [request.sample for request in told_apart([Request.of("a"), Request.of("a")])]
        [0, 1]
    """
    # Working out digests takes longer than writing the questions.
    if len(set(map(_last_words, requests)) - {None}) == len(requests):
        return tuple(requests)
    used: dict[str, set[int]] = {}
    apart = []
    for request in requests:
        taken = used.setdefault(replace(request, sample=0).digest, set())
        fresh = request.sample not in taken
        apart.append(request if fresh else replace(request, sample=max(taken) + 1))
        taken.add(apart[-1].sample)
    return tuple(apart)


def _last_words(request: Request) -> str | None:
    """The last message of a question, where it is a text: what differs in it differs."""
    content = request.messages[-1].get("content") if request.messages else None
    return content if isinstance(content, str) else None


def together(
    ask: Callable[[Request], Reply], requests: Sequence[Request], parallel: int
) -> tuple[Reply, ...]:
    """The replies to all requests, in their order.

    Each is asked in a thread of its own, with a copy of the context of the caller. When one
    fails, those after it are cancelled, those before it come to their end, and the first
    failure, by the order of the questions, is raised.

    Args:
        ask: answers one request; called in many threads at once.
        requests: what is asked.
        parallel: how many at a time; where it is one, no thread is started.

    Example:
        >>> from opto.llm import DummyLLM, Request
        >>> shout = DummyLLM(lambda messages, **_: messages[0]["content"].upper())
        >>> replies = together(shout.answer, [Request.of("a"), Request.of("b")], parallel=2)
        >>> [reply.text for reply in replies]
        ['A', 'B']
    """
    if len(requests) <= 1 or parallel == 1:
        return tuple(map(ask, requests))
    return _Round(ask, requests, parallel).replies()


class _Round:
    """Questions under way in threads, and how those that ended did."""

    def __init__(
        self, ask: Callable[[Request], Reply], requests: Sequence[Request], parallel: int
    ) -> None:
        self._ask = ask
        self._requests = requests
        self._parallel = parallel
        self._lives = [Live() for _ in requests]
        self._outcomes: list[Any] = [None] * len(requests)
        self._ended: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._begun = self._open = 0
        # Those from here on are not wanted any more: one before them has failed.
        self._end = len(requests)

    def replies(self) -> tuple[Reply, ...]:
        try:
            while any(outcome is None for outcome in self._outcomes[: self._end]):
                self._begin()
                self._take(None)
        finally:
            self._leave()
        return tuple(outcome.get() for outcome in self._outcomes[: self._end + 1])

    def _begin(self) -> None:
        from opto.llm.aside import begin  # lazy: asyncio, 30 ms of import

        while self._begun < self._end and self._open < self._parallel:
            number = self._begun
            done = partial(self._done, number)
            begin(self._ask, self._requests[number], self._lives[number], done)
            self._begun += 1
            self._open += 1

    def _done(self, number: int, outcome: Any) -> None:
        self._ended.put((number, outcome))

    def _take(self, seconds: float | None) -> None:
        number, outcome = self._ended.get(timeout=seconds)
        self._open -= 1
        self._outcomes[number] = outcome
        if isinstance(outcome.value, BaseException) and number < self._end:
            self._end = number
            for live in self._lives[number + 1 :]:
                live.cancel()

    def _leave(self) -> None:
        """End what is still under way; what does not look at its `live` is left behind."""
        for live in self._lives:
            live.cancel()
        end = monotonic() + GRACE
        while self._open:
            try:
                self._take(max(0.0, end - monotonic()))
            except Empty:
                return


async def gathered(
    ask: Callable[[Request], Awaitable[Reply]], requests: Sequence[Request], parallel: int
) -> tuple[Reply, ...]:
    """As `together`, with tasks of the event loop.

    Args:
        ask: a coroutine function that answers one request.
        requests: what is asked.
        parallel: how many at a time.
    """
    # lazy: 30 ms of import; whoever awaits has paid for it
    from asyncio import Semaphore, create_task, gather

    turn = Semaphore(parallel)
    left = len(requests)

    def leave(begin: int) -> None:
        """Cancel all from here on, once: a second time would cut short how they end."""
        nonlocal left
        for task in tasks[begin:left]:
            task.cancel()
        left = min(left, begin)

    async def one(number: int) -> Reply:
        async with turn:
            try:
                return await ask(requests[number])
            except BaseException:
                leave(number + 1)
                raise

    tasks = [create_task(one(number)) for number in range(len(requests))]
    try:
        return tuple([await task for task in tasks])
    finally:
        leave(0)
        await gather(*tasks, return_exceptions=True)
