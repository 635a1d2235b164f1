"""What is particular to OpenAI's client; test_remote.py has what it shares with LiteLLM."""

from __future__ import annotations

import sys

import pytest

from opto.errors import ArgumentError, ModelMissing, ModelRefused
from opto.llm import CustomLLM, OpenAILLM, renewed
from tests.support.openai_server import OpenAIServer, fails, says


@pytest.fixture
def official(monkeypatch, server):
    """The test's server in the place of OpenAI's own."""
    monkeypatch.setattr(OpenAILLM, "_is_official", lambda self: True)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return server


def test_the_environment_says_model_address_and_key(monkeypatch, server):
    monkeypatch.setenv("OPENAI_MODEL", "of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    OpenAILLM()("hi")
    assert server.requests[0].body["model"] == "of-the-environment"
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-the-environment"


def test_arguments_go_before_the_environment(monkeypatch, server):
    monkeypatch.setenv("OPENAI_MODEL", "of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    OpenAILLM("mine", base_url=server.url, api_key="sk-mine")("hi")
    assert server.requests[0].body["model"] == "mine"
    assert server.requests[0].headers["authorization"] == "Bearer sk-mine"


def test_without_anything_it_is_gpt_4o():
    assert OpenAILLM().model_name == "gpt-4o"


def test_without_a_key_openai_is_not_even_asked():
    with pytest.raises(ModelRefused, match="set OPENAI_API_KEY, or give api_key="):
        OpenAILLM()("hi")


def test_a_server_of_ones_own_needs_no_key(server):
    assert OpenAILLM("tiny", base_url=server.url)("hi").text == "ok"


def test_a_key_may_be_a_function(server):
    keys = iter(["sk-one", "sk-two"])
    model = OpenAILLM("tiny", base_url=server.url, api_key=lambda: next(keys))
    model("hi")
    model("hi")
    sent = [asked.headers["authorization"] for asked in server.requests]
    assert sent == ["Bearer sk-one", "Bearer sk-two"]


def test_the_client_is_made_anew_when_it_is_old(monkeypatch, server):
    now = [0.0]
    monkeypatch.setattr(renewed, "monotonic", lambda: now[0])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-old")
    model = OpenAILLM("tiny", 60, base_url=server.url)
    model("hi")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-new")
    model("hi")
    now[0] = 61.0
    model("hi")
    sent = [asked.headers["authorization"] for asked in server.requests]
    assert sent == ["Bearer sk-old", "Bearer sk-old", "Bearer sk-new"]


def test_a_request_may_say_itself_where_it_goes(server):
    with OpenAIServer(otherwise=says("elsewhere")) as other:
        model = OpenAILLM("tiny", base_url=server.url, api_key="sk-mine")
        reply = model("hi", api_base=other.url, api_key="sk-yours", headers={"X-Way": "1"})
        assert reply.text == "elsewhere"
        assert set(other.requests[0].body) == {"messages", "model"}
        assert other.requests[0].headers["authorization"] == "Bearer sk-yours"
        assert other.requests[0].headers["x-way"] == "1"
    assert model("hi").text == "ok"
    assert server.requests[0].headers["authorization"] == "Bearer sk-mine"


def test_what_the_api_does_not_know_is_sent_along(server):
    OpenAILLM("tiny", base_url=server.url, top_k=4)("hi", min_p=0.1, extra_body={"x": 1})
    body = server.requests[0].body
    assert (body["top_k"], body["min_p"], body["x"]) == (4, 0.1, 1)


def test_openai_is_told_the_limit_by_its_newer_name(official):
    OpenAILLM(api_key="sk-mine")("hi", max_tokens=5)
    assert official.requests[0].body["max_completion_tokens"] == 5
    assert "max_tokens" not in official.requests[0].body


def test_only_openai_itself_is_known_to_enforce_schemas(monkeypatch):
    assert OpenAILLM().enforces_schema
    assert not OpenAILLM(base_url="http://127.0.0.1:1/v1").enforces_schema
    assert OpenAILLM(base_url="http://127.0.0.1:1/v1", enforces_schema=True).enforces_schema
    assert not OpenAILLM(enforces_schema=False).enforces_schema
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert not OpenAILLM().enforces_schema


def test_an_argument_that_cannot_be_sent_is_a_refusal(server):
    model = OpenAILLM("tiny", base_url=server.url)
    with pytest.raises(ModelRefused, match="the client did not send the request") as caught:
        model("hi", top_p=frozenset({1}))
    assert isinstance(caught.value.__cause__, TypeError)
    assert server.requests == []


class TestCustomLLM:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch, server):
        monkeypatch.setenv("TRACE_CUSTOMLLM_URL", server.url)

    def test_the_environment_says_model_address_and_key(self, monkeypatch, server):
        monkeypatch.setenv("TRACE_CUSTOMLLM_MODEL", "of-the-environment")
        monkeypatch.setenv("TRACE_CUSTOMLLM_API_KEY", "sk-custom")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
        CustomLLM()("hi")
        assert server.requests[0].body["model"] == "of-the-environment"
        assert server.requests[0].headers["authorization"] == "Bearer sk-custom"

    def test_the_key_of_openai_does_not_go_to_another_server(self, monkeypatch, server):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
        CustomLLM()("hi")
        assert "sk-openai" not in str(server.requests[0].headers)

    def test_a_model_may_be_named(self, server):
        # The original knew no address then: NameError.
        assert CustomLLM(model="mine")("hi").text == "ok"
        assert server.requests[0].body["model"] == "mine"
        assert CustomLLM().model_name == "gpt-4o"

    def test_create_fills_the_model_in(self, server):
        reply = CustomLLM("mine").create(messages=[{"role": "user", "content": "hi"}])
        assert reply.choices[0].message.content == "ok"
        assert server.requests[0].body["model"] == "mine"

    def test_settings_are_those_of_openai(self, server):
        server.script += [fails(500), says("again")]
        assert CustomLLM(base_delay=0.01, temperature=0.5)("hi").text == "again"
        assert server.requests[1].body["temperature"] == 0.5
        with pytest.raises(ArgumentError, match="did you mean 'patience'"):
            CustomLLM(patiense=1)

    def test_without_an_address_it_says_what_to_set(self, monkeypatch):
        monkeypatch.delenv("TRACE_CUSTOMLLM_URL")
        with pytest.raises(ModelMissing, match="set TRACE_CUSTOMLLM_URL to its address"):
            CustomLLM()


def test_it_sends_by_aiohttp_where_that_is_installed_and_else_by_httpx(monkeypatch, server):
    def carrier(model):
        model("hi")
        return type(model._client.get().client._client._transport).__name__

    aiohttp = pytest.importorskip("aiohttp")
    assert carrier(OpenAILLM(base_url=server.url, api_key="k")) == "AiohttpTransport"
    monkeypatch.setitem(sys.modules, aiohttp.__name__, None)  # as if it were not there
    assert carrier(OpenAILLM(base_url=server.url, api_key="k")) == "AsyncHTTPTransport"
    assert len(server.requests) == 2
