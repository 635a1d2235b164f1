from __future__ import annotations

from types import SimpleNamespace

import pytest

from opto.errors import ArgumentError
from opto.llm import LLM, ScriptedLLM, as_llm


def test_a_model_is_taken_as_it_is():
    model = ScriptedLLM([])
    assert as_llm(model) is model


@pytest.mark.parametrize(("source", "name"), [("tiny", "tiny"), (None, "of-the-environment")])
def test_a_name_or_nothing_is_what_the_environment_chooses(monkeypatch, source, name):
    monkeypatch.setenv("TRACE_LITELLM_MODEL", "of-the-environment")
    monkeypatch.setenv("OPENAI_MODEL", "of-the-environment")
    model = as_llm(source)
    assert isinstance(model, LLM)
    assert model.model_name == name


def test_a_callable_is_a_model():
    assert as_llm(lambda messages, **rest: "text")(messages="?").text == "text"


def test_an_object_of_the_api_may_come_back():
    message = SimpleNamespace(content=None)
    completion = SimpleNamespace(choices=[SimpleNamespace(message=message)])
    reply = as_llm(lambda **_: completion)(messages="?")
    assert reply.text == reply.choices[0].message.content == ""


def test_a_client_of_the_original_is_a_model():
    class Client:
        def create(self, **config):
            return f"{len(config['messages'])} messages"

    assert as_llm(Client())(messages=[{}, {}]).text == "2 messages"


@pytest.mark.parametrize("source", [7, ["gpt-4o"], object()])
def test_anything_else_is_refused(source):
    with pytest.raises(ArgumentError, match="llm must be an LLM, the name of a model"):
        as_llm(source)
