"""What stands in the lists, and where they are found."""

from __future__ import annotations

import json

import pytest

from opto.errors import ArgumentError, ModelMissing
from opto.llm import LLM, AutoGenLLM, LiteLLM
from opto.llm.configs import auto_construct_oai_config_list_from_env
from opto.llm.packages import installed
from tests.support import anthropic_server
from tests.support.anthropic_server import AnthropicServer
from tests.support.openai_server import fails, says

pytestmark = pytest.mark.usefixtures("way")


def asked(server):
    return [request.body["model"] for request in server.requests]


def test_a_filter_chooses_among_the_models(server, two):
    assert AutoGenLLM(two, {"model": ["second"]})("hi").text == "ok"
    assert asked(server) == ["second"]
    with pytest.raises(ModelMissing, match=r"passes the filter {'model': \['third'\]}"):
        AutoGenLLM(two, {"model": ["third"]})


@pytest.mark.parametrize(
    ("price", "cost"), [([1.0, 2.0], 0.025), (1.0, 0.018), ((0, 0), 0.0), (None, None)]
)
def test_the_price_of_a_configuration_is_the_cost(server, two, price, cost):
    two[1]["price"] = price
    server.script += [fails(401), says("second best")]
    assert AutoGenLLM(two)("hi").usage.cost_usd == pytest.approx(cost)


def test_a_price_is_two_numbers(two):
    with pytest.raises(ArgumentError, match="two numbers"):
        AutoGenLLM([{**two[0], "price": [1.0, 2.0, 3.0]}])


@pytest.mark.parametrize(
    ("name", "why"),
    [("cache", "CVE"), ("api_rate_limit", "governor"), ("model_client_cls", "subclass")],
)
def test_what_is_not_taken_is_refused_with_the_reason(server, two, name, why):
    with pytest.raises(ArgumentError, match=f"'{name}' in a configuration.*{why}"):
        AutoGenLLM([{**two[0], name: 3}])
    with pytest.raises(ArgumentError, match=f"'{name}' in a question.*{why}"):
        AutoGenLLM(two)("hi", **{name: 3})
    assert AutoGenLLM([{**two[0], name: None}])("hi", **{name: None}).text == "ok"


def place_file(server, two, monkeypatch, tmp_path):
    (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(two))


def place_named_file(server, two, monkeypatch, tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(two))
    monkeypatch.setenv("OAI_CONFIG_LIST", "mine.json")


def place_text(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OAI_CONFIG_LIST", json.dumps(two))


def place_key(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)


def place_built(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OAI_CONFIG_LIST", "")  # so that it is taken back after the test
    place_key(server, two, monkeypatch, tmp_path)
    assert auto_construct_oai_config_list_from_env()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (place_file, "first"),
        (place_named_file, "first"),
        (place_text, "first"),
        (place_key, "gpt-4o"),
        (place_built, "gpt-4o"),
    ],
)
def test_configurations_are_found(server, two, monkeypatch, tmp_path, place, name):
    monkeypatch.chdir(tmp_path)
    place(server, two, monkeypatch, tmp_path)
    monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "AutoGen")
    model = LLM()
    assert type(model) is AutoGenLLM
    assert model("hi").text == "ok"
    assert asked(server) == [name]
    assert server.requests[0].headers["authorization"] == "Bearer sk-any"


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


@pytest.mark.litellm
@pytest.mark.usefixtures("warm_litellm")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")
def test_models_of_several_providers_are_asked_in_turn(server, two):
    server.otherwise = fails(500)
    with AnthropicServer(otherwise=anthropic_server.says("I am Claude.")) as claude:
        there = {"api_type": "anthropic", "base_url": claude.url, "timeout": None}
        third = {"model": "claude-sonnet-4-5", "api_key": "sk-ant-any", "price": [1, 1], **there}
        reply = AutoGenLLM([*two, third], max_retries=0)("hi")
        [question] = claude.requests
    assert (reply.text, reply.usage.cost_usd) == ("I am Claude.", pytest.approx(0.018))
    assert asked(server) == ["first", "second"]
    assert (question.path, question.headers["x-api-key"]) == ("/v1/messages", "sk-ant-any")


@pytest.mark.litellm
@pytest.mark.usefixtures("warm_litellm")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")
def test_a_key_of_anthropic_is_enough(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-any")
    with AnthropicServer(otherwise=anthropic_server.says("I am Claude.")) as claude:
        monkeypatch.setenv("ANTHROPIC_API_BASE", claude.url)
        assert AutoGenLLM(timeout=None)("hi").text == "I am Claude."
        assert asked(claude) == ["claude-3-5-sonnet-latest"]
