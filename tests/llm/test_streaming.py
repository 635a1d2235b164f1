"""Streams of both real clients; test_stream.py has what holds for every model."""

from __future__ import annotations

import asyncio

import pytest

import opto
from opto.errors import ModelRefused, ModelUnavailable
from opto.llm import (
    FREE,
    AutoGenLLM,
    Budget,
    Budgeted,
    Governed,
    Governor,
    OpenAILLM,
    Reply,
)
from opto.llm.live import Live
from opto.llm.port import LLM
from opto.store import Recorded
from tests.support.openai_server import Turn, calls, fails, says

MESSAGES = [{"role": "user", "content": "Greet me."}]
TEXT = "Hello, dear\nreader of this."
WEATHER = ("weather", {"city": "Bern", "days": 3})
TURNS = {
    "text": says(TEXT, usage=(5, 3)),
    "cut off": says(TEXT, finish_reason="length"),
    "several tools": calls(WEATHER, ("time", {"zone": "CET"})),
    "nothing": says("", finish_reason="content_filter"),
}


def test_text_comes_in_pieces_with_what_it_cost_at_the_end(server, model):
    server.script.append(TURNS["text"])
    stream = model.stream(MESSAGES, max_tokens=9)
    pieces = list(stream)
    assert len(pieces) > 3
    assert "".join(pieces) == stream.reply.text == TEXT
    assert (stream.reply.usage.prompt_tokens, stream.reply.usage.completion_tokens) == (5, 3)
    body = server.requests[0].body
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert (body["messages"], body["max_tokens"]) == (MESSAGES, 9)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("turn", TURNS)
def test_the_reply_is_that_of_a_call(server, model, turn, count):
    server.otherwise = TURNS[turn]
    whole = model(MESSAGES, n=count)
    stream = model.stream(MESSAGES, n=count)
    text = "".join(stream)
    assert stream.reply == whole
    assert text == whole.text
    for ours, theirs in zip(stream.reply.choices, whole.choices, strict=True):
        assert (ours.index, ours.finish_reason) == (theirs.index, theirs.finish_reason)
        assert called(ours) == called(theirs)
    if turn == "several tools":
        assert called(stream.reply.choices[-1])[0] == ("call_0", "function", *WEATHER_CALL)


WEATHER_CALL = ("weather", '{"city": "Bern", "days": 3}')


def called(choice):
    found = getattr(choice.message, "tool_calls", None) or ()
    return [(c.id, c.type, c.function.name, c.function.arguments) for c in found]


def test_a_server_that_does_not_count_is_known_by_it(server, connect):
    server.script.append(says(TEXT, usage=None))
    stream = OpenAILLM("tiny", base_url=server.url).stream(MESSAGES, stream_options=None)
    assert "".join(stream) == TEXT
    assert stream.reply.usage.total_tokens == 0
    assert "stream_options" not in server.requests[0].body


@pytest.mark.litellm
@pytest.mark.usefixtures("warm_litellm")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")
def test_the_price_is_known_where_it_is_for_a_call(server):
    from opto.llm import LiteLLM  # is known to be there

    for name in ("openai/gpt-4o-mini", "openai/tiny"):
        model = LiteLLM(name, api_base=server.url, api_key="sk-any")
        stream = model.stream("hi")
        list(stream)
        assert stream.reply.usage == model("hi").usage


def test_headers_are_kept(server, model):
    server.script.append(says(TEXT, headers={"x-ratelimit-limit-requests": "77"}))
    stream = model.stream(MESSAGES)
    list(stream)
    assert stream.reply.raw._response_headers["x-ratelimit-limit-requests"] == "77"


def test_a_failure_before_the_text_is_tried_again(server, model):
    server.script += [fails(500), fails(429, retry_after=0.1), says(TEXT)]
    assert "".join(model.stream(MESSAGES)) == TEXT
    assert len(server.requests) == 3


def test_a_refusal_is_one(server, model):
    server.script.append(fails(401))
    with pytest.raises(ModelRefused):
        list(model.stream(MESSAGES))
    assert len(server.requests) == 1


BREAKING = {
    "cut connection": Turn(TEXT, sent=0.5),
    "an end that is none": Turn(TEXT, kept=0.5),
    "an error in the middle": Turn(TEXT, error={"message": "overloaded", "code": None}),
}


def test_a_server_that_does_not_stream_gives_its_text_as_one_piece(server):
    model = OpenAILLM("tiny", base_url=server.url)  # LiteLLM makes an empty stream of it
    server.script += [Turn(TEXT, streams=False), Turn(TEXT, streams=False)]
    stream = model.stream(MESSAGES)
    assert list(stream) == [TEXT]
    assert stream.reply == model(MESSAGES)


def test_what_is_no_answer_is_no_empty_one(server, connect):
    server.otherwise = Turn(streams=False, kept=0.5)
    with pytest.raises(ModelUnavailable):
        list(connect(max_retries=1).stream(MESSAGES))
    assert len(server.requests) == 2


@pytest.mark.parametrize("layer", [lambda m: m, lambda m: Governed(m, Governor())])
@pytest.mark.parametrize("fault", BREAKING)
def test_text_that_was_given_is_not_asked_for_again(server, connect, fault, layer):
    server.otherwise = BREAKING[fault]
    heard = []
    with pytest.raises(ModelUnavailable, match=r"come to \d+ characters, and is not asked for"):
        hear(layer(connect()).stream(MESSAGES), heard)
    assert heard
    assert TEXT.startswith("".join(heard))
    assert len(server.requests) == 1


def hear(stream, heard):
    for piece in stream:
        heard.append(piece)


def test_the_next_model_does_not_begin_anew(server):
    server.otherwise = BREAKING["cut connection"]
    config = {"model": "tiny", "base_url": server.url}
    model = AutoGenLLM([config, config], max_retries=0)
    heard = []
    with pytest.raises(ModelUnavailable, match="another one would begin anew"):
        hear(model.stream(MESSAGES), heard)
    assert TEXT.startswith("".join(heard))
    assert len(server.requests) == 1


def test_an_answer_in_the_place_of_what_broke_off_is_no_end_of_it(server, connect):
    class Fallback(LLM):
        def answer(self, request):
            try:
                return connect().answer(request)
            except ModelUnavailable:
                return Reply("another text")

    server.otherwise = BREAKING["cut connection"]
    with pytest.raises(ModelUnavailable, match="another model answered in its place"):
        list(Fallback().stream(MESSAGES))


def test_a_stream_goes_through_all_layers(server, connect, tmp_path):
    server.otherwise = says(TEXT, usage=(5, 3))
    model = connect(max_tokens=50)
    budget = Budget(calls=9, tokens=900)
    prices = {model.model_name: FREE}
    layered = Recorded(
        Budgeted(Governed(model, Governor()), budget, prices=prices),
        tmp_path / "journal.sqlite",
        cache=True,
    )
    first = layered.stream(MESSAGES)
    assert len(list(first)) > 3
    second = layered.stream(MESSAGES)
    assert list(second) == [TEXT]
    assert first.reply == second.reply
    assert second.reply.recalled
    assert layered(MESSAGES).text == TEXT
    assert len(server.requests) == 1
    assert budget.left == {"calls": 8, "tokens": 892}
    layered.journal.close()


def test_a_run_recalls_streams_and_questions_of_tasks(server, connect, tmp_path):
    server.otherwise = says(TEXT)

    async def script(model):
        texts = ("one", "two", "one")
        replies = await asyncio.gather(*(model.create_async(messages=text) for text in texts))
        return [reply.text for reply in replies], of([p async for p in model.stream_async("me")])

    told = []
    for _ in range(2):
        with opto.run("a script", journal=tmp_path / "journal.sqlite"):
            told.append((asyncio.run(script(connect())), of(connect().stream("you"))))
    assert told == [(([TEXT] * 3, TEXT), TEXT)] * 2
    assert len(server.requests) == 5


def of(pieces):
    return "".join(pieces)


def test_an_async_stream_tells_the_same(server, model):
    server.otherwise = says(TEXT)

    async def main():
        stream = model.stream_async(MESSAGES)
        return [piece async for piece in stream], stream.reply

    pieces, reply = asyncio.run(main())
    assert len(pieces) > 3
    assert "".join(pieces) == reply.text == TEXT


def test_many_streams_at_once_do_not_mix(server, model):
    server.otherwise = lambda asked: Turn(asked.body["messages"][0]["content"], trickle=0.01)

    async def read(number):
        asked = " ".join([f"n{number}"] * 6)
        return asked == "".join([piece async for piece in model.stream_async(asked)])

    async def main():
        return await asyncio.gather(*(read(n) for n in range(40)))

    assert all(asyncio.run(main()))


def test_nothing_is_streamed_where_nobody_listens(server, model):
    from dataclasses import replace

    from opto.llm import Request

    model.answer(replace(Request.of("hi"), live=Live()))
    assert "stream" not in server.requests[0].body
