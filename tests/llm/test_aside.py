"""Asking without holding up the event loop, through backends that know nothing of it."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

from opto.errors import ModelRefused
from opto.llm import LLM, DummyLLM, Reply, Request, ScriptedLLM
from opto.llm.around import around
from opto.llm.live import pause

WHO = ContextVar("who", default="nobody")


class Slow(LLM):
    """A backend as a user writes it: it blocks its thread."""

    def __init__(self, seconds=0.05):
        self.seconds = seconds
        self.asked = []

    def answer(self, request):
        self.asked.append((request, WHO.get(), threading.current_thread()))
        time.sleep(self.seconds)
        return Reply(WHO.get(), request=request.digest)


class Patient(LLM):
    """One that waits as it should."""

    def __init__(self):
        self.ended = None

    def answer(self, request):
        try:
            pause(request.live, 30)
        except Exception:  # noqa: BLE001 - as careless layers write it
            return Reply("swallowed")
        except BaseException as error:
            self.ended = error
            raise
        return Reply("too late")


def test_the_reply_and_the_context_are_those_of_the_task():
    async def main():
        WHO.set("me")
        return await Slow().answer_async(Request.of("hi"))

    reply = asyncio.run(main())
    assert (reply.text, reply.request) == ("me", Request.of("hi").digest)


def test_an_error_is_the_tasks():
    model = ScriptedLLM([ModelRefused("no")])
    with pytest.raises(ModelRefused, match="no"):
        asyncio.run(model.create_async(messages="hi"))


def test_the_loop_goes_on_meanwhile():
    async def main():
        question = asyncio.ensure_future(Slow(0.2).answer_async(Request.of("hi")))
        turns = 0
        while not question.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns

    assert asyncio.run(main()) > 5


def test_a_thousand_are_asked_at_once():
    model, most = Slow(1.0), 1000

    async def main():
        start = time.monotonic()
        await asyncio.gather(*(model.answer_async(Request.of(f"{n}")) for n in range(most)))
        return time.monotonic() - start

    took = asyncio.run(main())
    assert len({thread for _, _, thread in model.asked}) == most
    assert took < 20  # one after the other in six threads takes 167 s


def test_a_cancelled_task_ends_what_is_under_way():
    model = Patient()

    async def main():
        task = asyncio.ensure_future(model.answer_async(Request.of("hi")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < 5
    assert isinstance(model.ended, asyncio.CancelledError)


def test_a_time_limit_of_the_task_ends_what_is_under_way():
    model = Patient()

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(model.answer_async(Request.of("hi")), 0.05)

    asyncio.run(main())
    assert isinstance(model.ended, asyncio.CancelledError)


def test_what_does_not_listen_is_left_behind():
    model = Slow(30)

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(model.answer_async(Request.of("hi")), 0.05)

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < 10


def test_a_question_within_a_question_ends_with_it():
    inner = Patient()

    class Outer(LLM):
        def answer(self, request):
            return asyncio.run(inner.answer_async(request))

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(Outer().answer_async(Request.of("hi")), 0.1)

    asyncio.run(main())
    assert isinstance(inner.ended, asyncio.CancelledError)


def test_what_stands_around_questions_sees_each_once():
    seen = []

    def way(llm, request, ask):
        seen.append((type(llm).__name__, request.messages[0]["content"]))
        return ask(request)

    async def main(model):
        await model.answer_async(Request.of("first"))
        await asyncio.gather(*(model.create_async(messages=f"{n}") for n in range(3)))
        assert [piece async for piece in model.stream_async("streamed")] == ["ok"]

    class Layer(LLM):
        def __init__(self, source):
            self.source = source

        def answer(self, request):
            return self.source.answer(request)

    with around(way):
        asyncio.run(main(Layer(DummyLLM(lambda **_: "ok"))))
        assert list(Layer(DummyLLM(lambda **_: "ok")).stream("last")) == ["ok"]
    assert sorted(seen) == [("Layer", q) for q in ("0", "1", "2", "first", "last", "streamed")]
