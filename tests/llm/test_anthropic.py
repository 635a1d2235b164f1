"""Anthropic's messages API, through LiteLLM's real client."""

from __future__ import annotations

import json
import time
import warnings
from functools import partial

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm import LiteLLM
from opto.llm.packages import installed
from opto.llm.signals import Signals
from tests.support.anthropic_server import (
    AnthropicServer,
    AnthropicTurn,
    calls,
    fails,
    limited,
    overloaded,
    says,
)

pytestmark = [
    pytest.mark.litellm,
    pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
]
NAME = "anthropic/claude-sonnet-4-5"
TEXT = "Hello, dear reader of this."
QUESTION = {"role": "user", "content": "What will the weather be in Bern?"}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def warm(warm_litellm):
    """Its first call imports what no time limit here allows for."""
    with AnthropicServer() as running, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LiteLLM(NAME, api_base=running.url, api_key="sk-any", timeout=None)("hi")


@pytest.fixture
def claude(warm):
    with AnthropicServer() as running:
        yield running


@pytest.fixture
def connect(claude):
    return partial(
        LiteLLM, NAME, api_base=claude.url, api_key="sk-ant-any", base_delay=0.01, timeout=5.0
    )


def test_text_comes_back_with_what_it_cost(claude, connect):
    claude.script.append(says(TEXT, usage=(1000, 100), finish_reason="length"))
    reply = connect()("hi", max_tokens=50, temperature=0.5)
    assert (reply.text, reply.finish_reason) == (TEXT, "length")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1000, 100)
    assert reply.usage.cost_usd == pytest.approx(0.0045)
    asked = claude.requests[0]
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == "sk-ant-any"
    assert "anthropic-version" in asked.headers
    assert (asked.body["model"], asked.body["max_tokens"]) == ("claude-sonnet-4-5", 50)
    assert asked.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def test_the_system_prompt_stands_where_anthropic_wants_it(claude, connect):
    connect()([{"role": "system", "content": "Be brief."}, QUESTION])
    body = claude.requests[0].body
    assert [block["text"] for block in body["system"]] == ["Be brief."]
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_a_tool_is_used_and_its_result_goes_back(claude, connect):
    claude.script += [
        calls(("weather", {"city": "Bern"}), content="I will look."),
        says("It will rain."),
    ]
    model = connect()
    reply = model([QUESTION], tools=[TOOL])
    message = reply.choices[0].message
    assert (reply.text, reply.finish_reason) == ("I will look.", "tool_calls")
    (call,) = message.tool_calls
    assert (call.id, call.function.name) == ("toolu_0", "weather")
    assert json.loads(call.function.arguments) == {"city": "Bern"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    assert model([QUESTION, message, result], tools=[TOOL]).text == "It will rain."
    assert claude.requests[0].body["tools"][0]["name"] == "weather"
    _, used, told = claude.requests[1].body["messages"]
    assert [block["type"] for block in used["content"]] == ["text", "tool_use"]
    assert used["content"][1]["input"] == {"city": "Bern"}
    assert told["content"][0]["type"] == "tool_result"
    assert told["content"][0]["tool_use_id"] == "toolu_0"


@pytest.mark.parametrize(
    "turn", [says(TEXT, usage=(5, 3)), calls(("weather", {"city": "Bern"}), content="I look.")]
)
def test_a_stream_tells_the_reply_of_a_call(claude, connect, turn):
    claude.otherwise = turn
    model = connect()
    whole = model([QUESTION], tools=[TOOL])
    stream = model.stream([QUESTION], tools=[TOOL])
    pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == stream.reply.text == whole.text
    assert stream.reply == whole
    assert called(stream.reply) == called(whole)
    assert claude.requests[1].body["stream"] is True


def called(reply):
    found = reply.choices[0].message.tool_calls or ()
    return [(c.id, c.function.name, json.loads(c.function.arguments)) for c in found]


def test_an_overloaded_service_is_asked_again(claude, connect):
    claude.script += [overloaded(), overloaded(), says("at last")]
    assert connect()("hi").text == "at last"
    assert len(claude.requests) == 3


def test_an_overloaded_service_that_stays_so_is_unavailable(claude, connect):
    claude.otherwise = overloaded()
    with pytest.raises(ModelUnavailable, match="overloaded"):
        connect(max_retries=1)("hi")
    assert len(claude.requests) == 2


def test_a_limit_is_waited_for(claude, connect):
    claude.script += [limited(1), says("ok")]
    start = time.monotonic()
    assert connect()("hi").text == "ok"
    assert 1.0 <= time.monotonic() - start < 3.0


def test_a_limit_is_known_as_one(claude, connect):
    claude.otherwise = limited(7)
    with pytest.raises(ModelUnavailable, match="it asks to wait 7 s") as caught:
        connect(max_retries=0)("hi")
    signals = Signals.of_error(caught.value)
    assert (signals.refused, signals.wait) == (True, 7.0)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, "invalid_request_error", "max_tokens: must be at least 1"),
        (401, "authentication_error", "invalid x-api-key"),
        (403, "permission_error", "this key may not use the model"),
        (404, "not_found_error", "model: claude-sonnet-4-5"),
        (413, "request_too_large", "Request exceeds the maximum size"),
    ],
)
def test_a_refusal_is_one_and_says_why(claude, connect, status, kind, message):
    claude.script.append(fails(status, kind, message))
    with pytest.raises(ModelRefused, match=message.partition(":")[0]):
        connect()("hi")
    assert len(claude.requests) == 1


def test_a_service_that_becomes_overloaded_in_the_middle_breaks_the_stream_off(claude, connect):
    error = {"type": "overloaded_error", "message": "Overloaded"}
    claude.otherwise = AnthropicTurn(TEXT, error=error)
    heard = []
    stream = connect().stream("hi")
    with pytest.raises(ModelUnavailable, match="is not asked for again"):
        _note(stream, heard)
    assert heard
    assert TEXT.startswith("".join(heard))
    assert len(claude.requests) == 1


def _note(stream, heard):
    for piece in stream:
        heard.append(piece)


def test_leaving_a_stream_closes_the_connection(claude, connect):
    claude.otherwise = says(TEXT, trickle=0.25)
    with connect().stream("hi") as stream:
        next(stream)
    assert claude.leaves()


def test_time_that_is_up_closes_the_connection(claude, connect):
    claude.otherwise = says(TEXT, trickle=0.25)
    with pytest.raises(ModelUnavailable):
        connect(timeout=0.5, max_retries=0)("hi")
    assert claude.leaves()
