"""Each test asks a real server, through AutoGen's own client and again without AutoGen."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
import time
from dataclasses import replace

import pytest

from opto.errors import ArgumentError, ModelRefused, ModelUnavailable
from opto.llm import AutoGenLLM, Budget, Budgeted, OpenAILLM, Request, renewed
from opto.llm.live import Live
from tests.support.openai_server import OpenAIServer, calls, fails, keeps_silent, says, truncates

pytestmark = pytest.mark.usefixtures("way")


def asked(server):
    return [request.body["model"] for request in server.requests]


def test_the_first_model_answers(server, two, way):
    reply = AutoGenLLM(two)(messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "ok"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 7)
    assert asked(server) == ["first"]
    body = dict(server.requests[0].body)
    # AutoGen says to every server that it wants no stream: this is how it is known here.
    assert body.pop("stream", None) is (False if way == "AutoGen" else None)
    assert set(body) == {"messages", "model"}


def test_nothing_is_printed_logged_or_left_on_the_disk(server, two, capfd, caplog, tmp_path):
    # AutoGen's ways: a cache in the folder, a warning that the model is free, on stdout.
    AutoGenLLM(two)("hi")
    AutoGenLLM(two)("hi")
    assert len(server.requests) == 2
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("autogen")] == []


def test_the_next_one_answers_where_the_first_cannot(server, two):
    server.script += [fails(401), says("second best")]
    assert AutoGenLLM(two)("hi").text == "second best"
    server.script += [fails(500), fails(500), says("after all")]
    assert AutoGenLLM(two, max_retries=1, base_delay=0.01)("hi").text == "after all"
    assert asked(server) == ["first", "second", "first", "second", "first"]


@pytest.mark.parametrize("broken", [truncates(), says("x", kept=0.0)], ids=["cut", "empty"])
def test_what_is_no_answer_is_none(server, two, broken):
    model = AutoGenLLM(two, max_retries=0)
    server.script += [broken, says("second best"), broken, broken]
    assert model("hi").text == "second best"
    with pytest.raises(ModelUnavailable, match="what came is no answer of a model"):
        model("hi")
    assert len(server.requests) == 4


def test_when_none_can_the_last_error_is_raised(server, two):
    server.script += [fails(401), fails(500)]
    with pytest.raises(ModelUnavailable, match="second"):
        AutoGenLLM(two, max_retries=0)("hi")
    server.script += [fails(500), fails(401, "bad key sk-any-thing")]
    with pytest.raises(ModelRefused, match="second") as caught:
        AutoGenLLM(two, max_retries=0)("hi")
    assert "the key is missing or wrong" in str(caught.value)


def test_nobody_listens(two):
    two = [{**entry, "base_url": "http://127.0.0.1:1/v1"} for entry in two]
    with pytest.raises(ModelUnavailable, match="nothing listens at that address"):
        AutoGenLLM(two, max_retries=0)("hi")


def test_create_is_what_the_original_calls(server, two):
    reply = AutoGenLLM(two).create(
        messages=[{"role": "user", "content": "hi"}], temperature=0.5, cache_seed=7
    )
    assert reply.choices[0].message.content == "ok"
    assert server.requests[0].body["temperature"] == 0.5
    assert "cache_seed" not in server.requests[0].body


def test_a_question_goes_before_an_entry_and_an_entry_before_all(server, two):
    two[0] |= {"temperature": 0.25, "top_k": 3}
    model = AutoGenLLM(two, temperature=0.75)
    model("hi")
    model("hi", temperature=0.5, min_p=0.1, model="third", extra_body={"x": 1})
    first, second = (dict(request.body) for request in server.requests)
    assert (first["temperature"], first["top_k"]) == (0.25, 3)
    said = {"temperature": 0.5, "top_k": 3, "min_p": 0.1, "model": "third", "x": 1}
    assert {name: second[name] for name in said} == said


def test_what_is_asked_arrives_as_it_is(server, two):
    server.script += [calls(("add", {"a": 1})), says("3", finish_reason="length")]
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "1 + 2?"}, picture]}]
    model = AutoGenLLM(two)
    reply = model(messages=messages, tools=[tool], response_format=schema)
    message = reply.choices[0].message
    assert message.tool_calls[0].function.name == "add"
    result = {"role": "tool", "tool_call_id": "call_0", "content": "3"}
    last = model(messages=[*messages, message, result], n=2)
    assert (last.text, last.others, last.finish_reason) == ("3", ("3",), "length")
    first, second = (request.body for request in server.requests)
    assert (first["messages"], first["tools"], first["response_format"]) == (
        messages,
        [tool],
        schema,
    )
    assert json.loads(second["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"a": 1}


def test_what_only_autogen_understands(server, two, way):
    def long_enough(context, response):
        return len(response.choices[0].message.content) >= context["least"]

    model, arguments = AutoGenLLM(two), {"filter_func": long_enough, "context": {"least": 4}}
    if way == "alone":
        with pytest.raises(ArgumentError, match="context, filter_func: understood by AutoGen"):
            model("hi", **arguments)
        return
    server.script += [says("no"), says("long enough")]
    assert model("hi", **arguments).text == "long enough"
    assert asked(server) == ["first", "second"]


def test_a_time_limit_ends_the_question(server, two):
    server.script += [keeps_silent(), says("second best")]
    two[0]["timeout"] = 0.3
    start = time.monotonic()
    assert AutoGenLLM(two)("hi").text == "second best"
    assert time.monotonic() - start < 5
    assert server.leaves(1)
    server.script += [keeps_silent(), keeps_silent()]
    with pytest.raises(ModelUnavailable, match="it took too long"):
        AutoGenLLM(two, max_retries=0)("hi", timeout=0.3)


def test_drops_do_not_outlast_the_time_limit(server, two):
    server.otherwise = says("drop by drop", trickle=0.5)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="it took too long"):
        AutoGenLLM(two[:1], max_retries=0, timeout=0.5)("hi")
    assert time.monotonic() - start < 4


def test_cancelling_closes_the_connection(server, two):
    server.otherwise, live = keeps_silent(), Live()

    def cancel():
        while not server.requests:
            time.sleep(0.01)
        live.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(asyncio.CancelledError):
        AutoGenLLM(two).answer(replace(Request.of("hi"), live=live))
    assert server.leaves(1)
    assert asked(server) == ["first"]


def test_a_task_that_is_cancelled_asks_nobody_else(server, two):
    server.otherwise = keeps_silent()

    async def impatient():
        task = asyncio.create_task(AutoGenLLM(two).create_async(messages="hi"))
        while not server.requests:  # noqa: ASYNC110 - it is a thread that they come to
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(impatient())
    assert server.leaves(1)
    assert asked(server) == ["first"]


def test_text_comes_in_pieces(server, two):
    server.otherwise = says("one two three")
    stream = AutoGenLLM(two).stream("hi")
    assert list(stream) == ["one", " two", " three"]
    assert stream.reply.text == "one two three"


def test_each_attempt_counts(server, two):
    # What came broken may have been paid for; what a server failed to answer was not.
    server.script += [truncates(), truncates(), fails(500), fails(500), says("after all")]
    budget = Budget(calls=9)
    model = Budgeted(AutoGenLLM(two, base_delay=0.01), budget)
    assert model("hi").text == "after all"
    assert budget.left["calls"] == 7


def test_many_threads_share_the_connections(server, two):
    model, answers = AutoGenLLM(two), []

    def ask(number):
        answers.append(model(f"{number}").text)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["ok"] * 16


def test_limits_that_a_server_tells_are_heard(server, two):
    server.script += [says("ok", headers={"X-RateLimit-Remaining-Requests": "7"})]
    raw = AutoGenLLM(two)("hi").raw
    assert raw._response_headers["x-ratelimit-remaining-requests"] == "7"


def test_clients_are_made_anew_when_they_are_old(server, two, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(renewed, "monotonic", lambda: now[0])
    for entry in two:
        del entry["api_key"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-old")
    model = AutoGenLLM(two, reset_freq=60)
    model("hi")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-new")
    now[0] = 61.0
    model("hi")
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer sk-old", "Bearer sk-new"]


def test_a_key_may_be_a_function_and_a_question_may_have_its_own(server, two):
    two[0]["api_key"] = lambda: "sk-of-a-function"
    model = AutoGenLLM(two)
    model("hi")
    with OpenAIServer(otherwise=says("elsewhere")) as other:
        reply = model("hi", api_base=other.url, api_key="sk-yours", headers={"X-Way": "1"})
        assert reply.text == "elsewhere"
        [there] = other.requests
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-a-function"
    assert (there.headers["authorization"], there.headers["x-way"]) == ("Bearer sk-yours", "1")
    assert "api_key" not in there.body


def test_without_a_key_openai_is_not_even_asked():
    with pytest.raises(ModelRefused, match="set OPENAI_API_KEY, or give api_key="):
        AutoGenLLM([{"model": "gpt-4o"}])("hi")


def test_pieces_are_not_asked_for_by_an_argument(two):
    with pytest.raises(ArgumentError, match="leave out stream=True"):
        AutoGenLLM(two)("hi", stream=True)


def test_keys_stay_in_the_process(server, two):
    two[0]["api_key"] = "sk-hunter2"
    model = AutoGenLLM(two)
    reply = model("hi")
    assert "hunter2" not in repr(model.models) + repr(pickle.dumps(model))
    assert "hunter2" not in repr(reply.raw) + repr(pickle.dumps(reply))
    assert isinstance(model.models[0], OpenAILLM)
    server.script += [fails(401, "no such key: sk-hunter2")] * 2
    with pytest.raises(ModelRefused) as caught:
        model("hi")
    shown = [caught.value]
    while shown[-1].__cause__ is not None:
        shown.append(shown[-1].__cause__)
    assert "hunter2" not in " ".join(f"{error} {error.args}" for error in shown)


def test_copies_ask_as_well(server, two, monkeypatch):
    model = AutoGenLLM(two)
    model("hi")
    assert copy.deepcopy(model)("hi").text == "ok"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    there = pickle.loads(pickle.dumps(model))  # noqa: S301 - it is our own
    assert there("hi").text == "ok"
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer sk-any", "Bearer sk-any", "Bearer sk-of-the-environment"]


def test_a_reply_answers_its_question(server, two):
    request = Request.of("hi", temperature=0.5)
    assert AutoGenLLM(two).answer(request).request == request.digest
