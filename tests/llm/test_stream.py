"""Reading text while it is written: what holds for every model. test_streaming.py has the rest."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest

from opto.errors import ArgumentError, ModelRefused, ModelUnavailable
from opto.llm import LLM, Reply, Request, ScriptedLLM, Usage
from opto.llm.live import pause


class Teller(LLM):
    """A model that tells its text word by word, and ends as it is told to."""

    def __init__(self, text="one two three", then=None, wait=0.0):
        self.words = text.split()
        self.then = then
        self.wait = wait
        self.told = 0
        self.began, self.ended = threading.Event(), threading.Event()

    def answer(self, request):
        try:
            for word in self.words:
                pause(request.live, self.wait)
                if request.live is not None:
                    request.live.text(word)
                self.told += 1
                self.began.set()
            if self.then is not None:
                raise self.then
            return Reply("".join(self.words), usage=Usage(3, 4), request=request.digest)
        finally:
            self.ended.set()


async def read(model):
    stream = model.stream_async("hi")
    return [piece async for piece in stream], stream


def each(model):
    """The pieces and the stream, read in both ways."""
    stream = model.stream("hi")
    yield list(stream), stream
    yield asyncio.run(read(model))


def test_pieces_come_one_by_one_and_then_the_whole_reply():
    for pieces, stream in each(Teller()):
        assert pieces == ["one", "two", "three"]
        assert stream.reply.text == "onetwothree"
        assert stream.reply.usage == Usage(3, 4)
        assert stream.reply.request == Request.of("hi").digest


def test_pieces_come_before_the_answer_is_there():
    model = Teller(wait=0.1)
    with model.stream("hi") as stream:
        assert next(stream) == "one"
        assert not model.ended.is_set()


def test_a_model_that_cannot_tell_gives_one_piece():
    for pieces, stream in each(ScriptedLLM(["Hello"] * 2)):
        assert pieces == ["Hello"]
        assert stream.reply.text == "Hello"


def test_an_empty_answer_has_no_piece():
    for pieces, stream in each(ScriptedLLM([""] * 2)):
        assert pieces == []
        assert stream.reply.text == ""


def test_messages_and_arguments_are_those_of_a_call():
    model = ScriptedLLM(["a"] * 2)
    list(model.stream(messages=[{"role": "user", "content": "hi"}], max_tokens=3, seed=4))
    assert model.requests == [Request.of("hi", max_tokens=3, seed=4)]


def test_an_error_comes_where_the_text_breaks_off():
    with pytest.raises(ModelRefused):
        list(ScriptedLLM([ModelRefused("no")]).stream("hi"))
    stream = Teller(then=ModelUnavailable("cut")).stream("hi")
    assert [next(stream), next(stream), next(stream)] == ["one", "two", "three"]
    with pytest.raises(ModelUnavailable, match="cut"):
        next(stream)
    with pytest.raises(ModelUnavailable, match="cut"):
        _ = stream.reply
    assert list(stream) == []


def test_there_is_no_reply_before_the_end():
    stream = Teller().stream("hi")
    with pytest.raises(ArgumentError, match="read to the end"):
        _ = stream.reply
    stream.close()
    with pytest.raises(ArgumentError, match="read to the end"):
        _ = stream.reply


def leave_the_block(model):
    with model.stream("hi") as stream:
        next(stream)


def leave_the_loop(model):
    for _ in model.stream("hi"):
        break
    gc.collect()


def close(model):
    stream = model.stream("hi")
    next(stream)
    stream.close()
    assert list(stream) == []


async def leave_the_block_async(model):
    async with model.stream_async("hi") as stream:
        await stream.__anext__()


async def leave_the_loop_async(model):
    async for _ in model.stream_async("hi"):
        break
    gc.collect()


async def cancel_the_reader(model):
    reader = asyncio.ensure_future(read(model))
    await asyncio.to_thread(model.began.wait)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader


LEAVING = [leave_the_block, leave_the_loop, close]
LEAVING_ASYNC = [leave_the_block_async, leave_the_loop_async, cancel_the_reader]


@pytest.mark.parametrize("leave", LEAVING + LEAVING_ASYNC)
def test_leaving_early_cancels(leave):
    model = Teller(" ".join(["word"] * 1000), wait=0.05)  # nearly a minute
    start = time.monotonic()
    left = leave(model)
    if leave in LEAVING_ASYNC:
        asyncio.run(left)
    assert model.ended.wait(20)
    assert time.monotonic() - start < 30
    assert 0 < model.told < 600


def test_closing_what_was_read_does_nothing():
    with Teller().stream("hi") as stream:
        list(stream)
    stream.close()
    assert stream.reply.text == "onetwothree"
