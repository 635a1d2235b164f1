from __future__ import annotations

import inspect
import pickle

import pytest

from opto.llm import LLM, LiteLLM, OpenAILLM, Reply, Request


class Echo(LLM):
    """What the author of a backend writes."""

    def __init__(self, mark="!"):
        self.mark = mark

    def answer(self, request):
        self.asked = request
        return Reply(request.messages[-1]["content"] + self.mark, request=request.digest)


def test_one_method_makes_a_backend():
    model = Echo("?")
    reply = model(messages=[{"role": "user", "content": "hi"}], max_tokens=5, top_k=3)
    assert isinstance(model, LLM)
    assert reply.choices[0].message.content == "hi?"
    assert model.asked == Request.of("hi", max_tokens=5, top_k=3)
    assert reply.request == model.asked.digest


def test_all_ways_to_ask_are_one():
    model = Echo()
    messages = [{"role": "user", "content": "hi"}]
    said = {
        model(messages=messages).text,
        model(messages).text,
        model("hi").text,
        model(messages="hi").text,
        model.create(messages=messages).text,
    }
    assert said == {"hi!"}


def test_a_backend_without_its_method_cannot_be_made():
    class Unfinished(LLM):
        pass

    with pytest.raises(TypeError, match="answer"):
        Unfinished()


def test_a_backend_says_itself_whether_it_enforces_schemas():
    class Strict(Echo):
        enforces_schema = True

    assert (Echo().enforces_schema, Strict().enforces_schema) == (False, True)


def test_a_backend_is_a_plain_object():
    assert pickle.loads(pickle.dumps(Echo("?")))("hi").text == "hi?"  # noqa: S301


def test_help_shows_the_arguments_of_each_backend():
    assert {"model", "backend", "profile"} <= set(inspect.signature(LLM).parameters)
    assert list(inspect.signature(Echo).parameters) == ["mark"]
    # The order in which programs for the original give them.
    assert list(inspect.signature(OpenAILLM).parameters)[:3] == ["model", "reset_freq", "cache"]
    assert list(inspect.signature(LiteLLM).parameters)[:5] == [
        "model",
        "reset_freq",
        "cache",
        "max_retries",
        "base_delay",
    ]
