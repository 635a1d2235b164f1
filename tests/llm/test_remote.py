"""The two real clients against a real server, and each of its faults."""

from __future__ import annotations

import copy
import pickle
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import ArgumentError, ModelRefused, ModelUnavailable
from opto.llm import Request
from tests.llm.conftest import KEY
from tests.support.openai_server import (
    OpenAIServer,
    Turn,
    cuts,
    fails,
    keeps_silent,
    says,
    trickles,
    truncates,
)

MESSAGES = [{"role": "user", "content": "Greet me."}]
PASSING = {
    "status 500": fails(500),
    "status 502": fails(502),
    "status 503": fails(503),
    "status 504": fails(504),
    "status 529": fails(529),
    "status 429": fails(429),
    "cut connection": cuts(),
    "truncated JSON": truncates(),
    "a page that is no answer": Turn(headers={"Content-Type": "text/html"}, kept=0.3),
    "an error with status 200": Turn(error={"message": "upstream failed", "code": 502}),
    "silence": keeps_silent(30),
    "an answer that trickles": trickles(0.4),
}


def test_an_answer_comes_back_with_what_it_cost(server, model):
    server.script.append(says("Hello", usage=(5, 3), finish_reason="length"))
    reply = model(messages=MESSAGES, max_tokens=9, temperature=0.5)
    assert reply.text == reply.choices[0].message.content == "Hello"
    assert (reply.finish_reason, reply.model) == ("length", "tiny")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 3)
    assert reply.request == Request.of(MESSAGES, max_tokens=9, temperature=0.5).digest
    sent = server.requests[0]
    assert sent.body == {
        "messages": MESSAGES,
        "model": "tiny",
        "max_tokens": 9,
        "temperature": 0.5,
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("content", [None, ""])
def test_an_answer_without_content_is_an_empty_text(server, model, content):
    server.script.append(says(content, finish_reason="content_filter"))
    reply = model(messages=MESSAGES)
    assert (reply.text, reply.finish_reason) == ("", "content_filter")
    assert reply.choices[0].message.content == ""


def test_several_answers_to_one_request(server, model):
    server.script.append(says("same"))
    reply = model(messages=MESSAGES, n=3)
    assert [choice.message.content for choice in reply.choices] == ["same"] * 3
    assert [choice.index for choice in reply.choices] == [0, 1, 2]


def test_messages_may_stand_first_or_be_one_text(server, model):
    model(MESSAGES)
    model("Greet me.")
    model.create(messages=MESSAGES)
    assert [asked.body["messages"] for asked in server.requests] == [MESSAGES] * 3


def test_an_earlier_reply_may_stand_in_the_conversation(server, model):
    server.script += [says("Hello"), says("Bye")]
    first = model(MESSAGES).choices[0].message
    model([*MESSAGES, first, *MESSAGES])
    said = server.requests[1].body["messages"][1]
    assert (said["role"], said["content"]) == ("assistant", "Hello")


def test_arguments_of_the_provider_go_through(server, model):
    shape = {"type": "json_object"}
    model(MESSAGES, response_format=shape, seed=7, stop=["\n"])
    body = server.requests[0].body
    assert (body["response_format"], body["seed"], body["stop"]) == (shape, 7, ["\n"])


def test_settings_are_defaults_of_every_request(server, connect):
    model = connect(temperature=0.25, seed=3)
    model(MESSAGES)
    model(MESSAGES, temperature=0.75)
    model.answer(Request.of(MESSAGES, seed=4))
    asked = [(a.body["temperature"], a.body["seed"]) for a in server.requests]
    assert asked == [(0.25, 3), (0.75, 3), (0.25, 4)]


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_ends_in_an_answer(server, connect, fault):
    server.script += [PASSING[fault], says("at last")]
    assert connect(timeout=0.5)(MESSAGES).text == "at last"
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_ends_in_model_unavailable(server, connect, fault):
    server.otherwise = PASSING[fault]
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"did not answer after 2 attempts") as caught:
        connect(timeout=0.5, max_retries=1)(MESSAGES)
    assert time.monotonic() - start < 3
    assert len(server.requests) == 2
    assert isinstance(caught.value.__cause__, Exception)


def test_a_server_that_is_not_there(connect, server):
    with OpenAIServer() as gone:
        pass
    with pytest.raises(ModelUnavailable):
        connect(**{where(connect): gone.url}, max_retries=1)(MESSAGES)


def where(connect):
    return "base_url" if "base_url" in connect.keywords else "api_base"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_refusal_is_not_repeated(server, connect, status):
    server.script.append(fails(status, "no, because of reasons"))
    with pytest.raises(ModelRefused, match="no, because of reasons") as caught:
        connect()(MESSAGES)
    assert caught.value.__cause__.status_code == status
    assert len(server.requests) == 1


def test_a_shape_that_the_model_does_not_take_is_a_refusal(server, model):
    def picky(asked):
        unknown = "response_format" in asked.body
        return fails(400, "response_format is not supported") if unknown else says("{}")

    server.otherwise = picky
    with pytest.raises(ModelRefused, match="response_format is not supported"):
        model(MESSAGES, response_format={"type": "json_object"})
    assert model(MESSAGES).text == "{}"


def test_an_empty_account_is_a_refusal(server, connect):
    server.script.append(fails(429, "insufficient_quota", code="insufficient_quota"))
    with pytest.raises(ModelRefused):
        connect()(MESSAGES)
    assert len(server.requests) == 1


def test_retry_after_is_waited_for(server, model):
    server.script += [fails(429, retry_after=1), says("ok")]
    start = time.monotonic()
    assert model(MESSAGES).text == "ok"
    assert 1.0 <= time.monotonic() - start < 2.5


def test_without_retry_after_the_wait_is_the_own_one(server, model):
    server.script += [fails(429), says("ok")]
    start = time.monotonic()
    assert model(MESSAGES).text == "ok"
    assert time.monotonic() - start < 1.0


def test_nobody_waits_longer_than_the_patience(server, connect):
    server.otherwise = fails(429, retry_after=3600)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="it asks to wait 3600 s"):
        connect(patience=2.0)(MESSAGES)
    assert time.monotonic() - start < 1.0
    assert len(server.requests) == 1


def test_a_slow_answer_within_the_time_limit_is_an_answer(server, model):
    server.script.append(trickles(0.03, "drop by drop"))
    assert model(MESSAGES).text == "drop by drop"


def test_a_time_limit_may_be_given_for_one_request(server, connect):
    server.otherwise = keeps_silent(30)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable):
        connect(max_retries=0)(MESSAGES, timeout=0.3)
    assert time.monotonic() - start < 2


def test_the_key_shows_nowhere(server, connect):
    server.otherwise = fails(401, f"Incorrect API key provided: {KEY}")
    model = connect(extra_headers={"X-Pass": "open-sesame"})
    with pytest.raises(ModelRefused) as caught:
        model(MESSAGES)
    told = "".join(traceback.format_exception(caught.value))
    assert "Incorrect API key provided: ***" in told
    for text in (told, repr(model), repr(vars(model)), repr(pickle.dumps(model))):
        assert KEY not in text
        assert "open-sesame" not in text
    assert server.requests[0].headers["x-pass"] == "open-sesame"


def test_a_copy_answers_with_the_same_key(server, connect):
    model = connect(temperature=0.5)
    model(MESSAGES)  # so that there is a client to copy
    assert copy.deepcopy(model)(MESSAGES).text == "ok"
    assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[1].body["temperature"] == 0.5


def test_a_pickle_answers_with_the_key_of_the_environment(server, model, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-other-process")
    model(MESSAGES)
    thawed = pickle.loads(pickle.dumps(model))  # noqa: S301 - it is our own
    assert thawed(MESSAGES).text == "ok"
    assert server.requests[1].headers["authorization"] == "Bearer sk-of-the-other-process"


def test_threads_may_ask_at_once(server, model):
    server.otherwise = lambda asked: Turn(asked.body["messages"][0]["content"], silence=0.05)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: model(f"number {n}").text, range(24)))
    assert said == [f"number {n}" for n in range(24)]


def test_nothing_is_printed(server, connect, capfd):
    server.script += [fails(500), fails(429), cuts(), truncates(), says("ok"), fails(400)]
    connect()(MESSAGES)
    with pytest.raises(ModelRefused):
        connect()(MESSAGES)
    assert capfd.readouterr() == ("", "")


def test_a_misspelt_argument_is_refused(connect):
    with pytest.raises(ArgumentError, match=r"'timout'; did you mean 'timeout'\?"):
        connect(timout=3)


def test_a_stream_is_refused(server, model):
    with pytest.raises(ArgumentError, match=r"ask by LLM\.stream\("):
        model(MESSAGES, stream=True)
    assert server.requests == []
    assert model(MESSAGES, stream=False).text == "ok"


def test_a_stream_for_all_requests_is_refused(server, connect):
    with pytest.raises(ArgumentError, match=r"ask by LLM\.stream\("):
        connect(stream=True)(MESSAGES)
    assert server.requests == []
