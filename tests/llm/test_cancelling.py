"""Whoever stops waiting closes the connection: what a server sees of both real clients."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from opto.errors import ModelUnavailable
from opto.llm import Governed, Governor, Request
from opto.llm.attempts import PerAttempt
from opto.llm.live import Live
from tests.support.openai_server import Turn, fails, keeps_silent, says, trickles

SILENT = keeps_silent(30)
# Each byte comes in time, and the answer does not.
DRIP = trickles(0.25)
STREAM = trickles(0.25, "one two three four five six seven eight")


class Once(PerAttempt):
    def attempt(self, request):
        return self.source.answer(request)


def cancelled(server, asked):
    """Run a coroutine as a task, cancel it when its request is there, and time its end."""

    async def main():
        task = asyncio.ensure_future(asked)
        while not server.requests:  # noqa: ASYNC110 - the server is another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    return asyncio.run(main())


def when_asked(server, call, *arguments):
    """Have something called in another thread when the server has its first request."""

    def wait():
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.2)
        call(*arguments)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("turn", [SILENT, DRIP], ids=["silence", "drip"])
def test_time_that_is_up_closes_the_connection(server, connect, turn):
    server.otherwise = turn
    start = time.monotonic()
    with pytest.raises(ModelUnavailable):
        connect(timeout=0.5, max_retries=0)("hi")
    assert time.monotonic() - start < 2
    assert server.leaves()


def test_each_attempt_that_is_given_up_closes_its_own(server, connect):
    server.otherwise = DRIP
    with pytest.raises(ModelUnavailable):
        connect(timeout=0.5, max_retries=2)("hi")
    assert server.leaves(3)


def test_an_interrupt_closes_the_connection(server, connect):
    assert threading.current_thread() is threading.main_thread()
    server.otherwise = SILENT
    interrupting = when_asked(server, os.kill, os.getpid(), signal.SIGINT)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        connect(timeout=20)("hi")
    interrupting.join()
    assert time.monotonic() - start < 5
    assert server.leaves()


@pytest.mark.parametrize("turn", [SILENT, DRIP], ids=["silence", "drip"])
def test_a_cancelled_task_closes_the_connection(server, connect, turn):
    server.otherwise = turn
    took = cancelled(server, connect(timeout=20).create_async(messages="hi"))
    assert took < 0.9  # it did not take the grace of a second
    assert server.leaves()
    assert len(server.requests) == 1


@pytest.mark.parametrize("layer", [None, Once, lambda m: Governed(m, Governor())])
def test_a_wait_before_the_next_attempt_ends(server, connect, layer):
    server.otherwise = fails(429, retry_after=20)
    model = connect() if layer is None else layer(connect())
    assert cancelled(server, model.create_async(messages="hi")) < 0.9
    assert len(server.requests) == 1


def test_a_layer_that_swallows_exceptions_does_not_ask_again(server, connect):
    server.otherwise = SILENT

    class Stubborn(Once):
        def answer(self, request):
            for _ in range(3):
                try:
                    return self.source.answer(request)
                except Exception:  # noqa: BLE001, S110 - as careless layers write it
                    pass
            return says("never")

    cancelled(server, Stubborn(connect(timeout=20)).create_async(messages="hi"))
    assert server.leaves()
    assert len(server.requests) == 1


def test_whoever_has_the_live_may_cancel(server, connect):
    server.otherwise = SILENT
    live = Live()
    cancelling = when_asked(server, live.cancel)
    with pytest.raises(asyncio.CancelledError):
        connect(timeout=20).answer(replace(Request.of("hi"), live=live))
    cancelling.join()
    assert server.leaves()


def test_leaving_a_stream_closes_the_connection(server, connect):
    server.otherwise = STREAM
    with connect(timeout=20).stream("hi") as stream:
        assert next(stream) == "one"
    assert server.leaves()
    assert not server.stopping.is_set()


def test_leaving_an_async_stream_closes_the_connection(server, connect):
    server.otherwise = STREAM

    async def main():
        heard = []
        async for piece in connect(timeout=20).stream_async("hi"):
            heard.append(piece)
            break
        return heard

    assert asyncio.run(main()) == ["one"]
    assert server.leaves()


def test_a_stream_keeps_to_its_time(server, connect):
    server.otherwise = STREAM
    heard = []
    with pytest.raises(ModelUnavailable):
        heard.extend(connect(timeout=0.8, max_retries=0).stream("hi"))
    assert server.leaves()


def test_nothing_is_left_behind(server, connect):
    connect()("hi")
    server.otherwise = DRIP
    before = threading.active_count()
    for _ in range(4):
        with pytest.raises(ModelUnavailable):
            connect(timeout=0.3, max_retries=0)("hi")
    assert server.leaves(4)
    end = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < end:  # the server's own
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_may_ask_at_once(server, count):
    from opto.llm import OpenAILLM  # one client is enough here

    server.otherwise = lambda asked: Turn(asked.body["messages"][0]["content"], silence=0.5)
    model = OpenAILLM("tiny", base_url=server.url, timeout=60, max_retries=0)

    async def main():
        asked = (model.create_async(messages=f"number {n}") for n in range(count))
        return await asyncio.gather(*asked)

    replies = asyncio.run(main())
    assert [reply.text for reply in replies] == [f"number {n}" for n in range(count)]
    assert len(server.requests) == count
