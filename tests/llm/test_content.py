"""What is more than text: images, tools and their calls, through both real clients unharmed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from opto.errors import ArgumentError
from opto.llm import Request
from tests.support.openai_server import calls, says

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
PARTS = {
    "an image in the message": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ],
    "an image by address": [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "text", "text": "And what is that?"},
    ],
    "sound": [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}],
    "several texts": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
QUESTION = {"role": "user", "content": "What will the weather be in Bern?"}


@pytest.mark.parametrize("parts", PARTS)
def test_parts_of_content_arrive_as_they_were_given(server, model, parts):
    messages = [{"role": "user", "content": PARTS[parts]}]
    model(messages)
    list(model.stream(messages))
    assert [asked.body["messages"] for asked in server.requests] == [messages] * 2


def test_a_conversation_with_tools_arrives_as_it_was_given(server, model):
    call = {
        "id": "call_7",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
    }
    messages = [
        {"role": "system", "content": "Be brief."},
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_7", "content": '{"rain": true}'},
    ]
    choice = {"type": "function", "function": {"name": "weather"}}
    model(messages, tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False)
    body = server.requests[0].body
    assert [said(message) for message in body["messages"]] == [said(m) for m in messages]
    assert body["tools"] == [WEATHER]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (choice, False)


def said(message):
    """A message without what is null, which LiteLLM leaves out."""
    return {name: value for name, value in message.items() if value is not None}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(server, model, streamed):
    def ask(messages):
        if not streamed:
            return model(messages, tools=[WEATHER])
        stream = model.stream(messages, tools=[WEATHER])
        list(stream)
        return stream.reply

    server.script += [
        calls(("weather", {"city": "Bern", "days": 2}), ("weather", {"city": "Thun"})),
        says("It will rain."),
    ]
    reply = ask([QUESTION])
    message = reply.choices[0].message
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    assert [
        (c.id, c.type, c.function.name, json.loads(c.function.arguments))
        for c in message.tool_calls
    ] == [
        ("call_0", "function", "weather", {"city": "Bern", "days": 2}),
        ("call_1", "function", "weather", {"city": "Thun"}),
    ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls
    ]
    assert ask([QUESTION, message, *results]).text == "It will rain."
    question, assistant, *told = server.requests[1].body["messages"]
    assert (question, told) == (QUESTION, results)
    assert assistant["role"] == "assistant"
    assert assistant["tool_calls"] == [
        {
            "id": f"call_{at}",
            "type": "function",
            "function": {"name": "weather", "arguments": json.dumps(arguments)},
        }
        for at, arguments in enumerate([{"city": "Bern", "days": 2}, {"city": "Thun"}])
    ]
    # What a provider does not know, it may refuse.
    assert set(assistant) <= {"role", "content", "tool_calls"}


def test_an_answer_in_words_goes_back_as_such(server, model):
    message = model([QUESTION]).choices[0].message
    model([QUESTION, message, QUESTION])
    assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "ok"}


def test_the_clients_own_messages_go_back_as_well(server, model):
    server.script.append(calls(("weather", {"city": "Bern"})))
    raw = model([QUESTION], tools=[WEATHER]).raw.choices[0].message
    model([QUESTION, raw, {"role": "tool", "tool_call_id": "call_0", "content": "rain"}])
    sent = server.requests[1].body["messages"][1]
    assert sent["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Bern"}'}


def test_questions_with_parts_and_tools_have_a_digest(server, model):
    server.script.append(calls(("weather", {"city": "Bern"})))
    message = model([QUESTION], tools=[WEATHER]).choices[0].message
    request = Request.of([QUESTION, message], tools=[WEATHER])
    assert request.digest == Request.of([QUESTION, message], tools=[dict(WEATHER)]).digest
    assert request.digest != Request.of([QUESTION, message]).digest


def test_a_message_that_is_no_message_is_refused_before_it_is_sent(server, model):
    with pytest.raises(ArgumentError, match="a message must be a mapping"):
        model([SimpleNamespace(role="user")])
    assert server.requests == []
