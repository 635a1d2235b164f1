from __future__ import annotations

import pickle

import pytest

from opto.errors import ModelMissing, ModelRefused, ModelUnavailable
from opto.llm import AutoGenLLM, LiteLLM, OpenAILLM
from opto.llm.packages import installed
from tests.support.openai_server import fails, says


@pytest.fixture
def two(server):
    """Two models on one server, told apart by their names."""
    entry = {"base_url": server.url, "api_key": "sk-any", "cache_seed": 41, "tags": ["t"]}
    return [{"model": "first", **entry}, {"model": "second", **entry}]


def asked(server):
    return [request.body["model"] for request in server.requests]


def test_the_first_model_answers(server, two):
    reply = AutoGenLLM(two)(messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "ok"
    assert asked(server) == ["first"]
    assert set(server.requests[0].body) == {"messages", "model"}


def test_the_next_one_answers_where_the_first_cannot(server, two):
    server.script += [fails(401), says("second best")]
    assert AutoGenLLM(two)("hi").text == "second best"
    server.script += [fails(500), fails(500), says("second best")]
    assert AutoGenLLM(two, max_retries=1, base_delay=0.01)("hi").text == "second best"
    assert asked(server) == ["first", "second", "first", "first", "second"]


def test_when_none_can_the_last_error_is_raised(server, two):
    server.script += [fails(401), fails(500)]
    with pytest.raises(ModelUnavailable, match="second"):
        AutoGenLLM(two, max_retries=0)("hi")
    server.script += [fails(500), fails(401)]
    with pytest.raises(ModelRefused, match="second"):
        AutoGenLLM(two, max_retries=0)("hi")


def test_a_filter_chooses_among_the_models(server, two):
    assert AutoGenLLM(two, {"model": ["second"]})("hi").text == "ok"
    assert asked(server) == ["second"]
    with pytest.raises(ModelMissing, match=r"passes the filter {'model': \['third'\]}"):
        AutoGenLLM(two, {"model": ["third"]})


def test_create_is_what_the_original_calls(server, two):
    AutoGenLLM(two).create(messages=[{"role": "user", "content": "hi"}], temperature=0.5)
    assert server.requests[0].body["temperature"] == 0.5


def test_settings_of_an_entry_go_before_those_of_all(server, two):
    two[0]["temperature"] = 0.25
    AutoGenLLM(two, temperature=0.75)("hi")
    assert server.requests[0].body["temperature"] == 0.25


@pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed")
@pytest.mark.parametrize(
    ("api_type", "name"),
    [("anthropic", "anthropic/m"), ("azure", "azure/m"), ("google", "gemini/m")],
)
def test_other_providers_are_asked_through_litellm(api_type, name):
    config = {"model": "m", "api_type": api_type, "base_url": "http://127.0.0.1:1"}
    [model] = AutoGenLLM([config]).models
    assert (type(model), model.model_name) == (LiteLLM, name)
    assert model.defaults["api_base"] == "http://127.0.0.1:1"


def test_schemas_are_enforced_if_all_do(two):
    two[0]["enforces_schema"] = True
    assert not AutoGenLLM(two).enforces_schema
    two[1]["enforces_schema"] = True
    assert AutoGenLLM(two).enforces_schema


def test_keys_stay_in_the_process(two):
    two[0]["api_key"] = "sk-hunter2"
    model = AutoGenLLM(two)
    assert "hunter2" not in repr(model.models) + repr(pickle.dumps(model))
    assert isinstance(model.models[0], OpenAILLM)
