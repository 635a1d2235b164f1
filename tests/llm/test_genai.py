from __future__ import annotations

import pytest

from opto.llm import AutoGenLLM, CustomLLM, LocalLLM, OpenAILLM, Reply, Request, ScriptedLLM
from opto.llm.genai import answered, asked, content, kind_of, route, secrets_of

HI = Request.of("hi")


class LiteLLM(ScriptedLLM):
    """Only the name of the class and of the model count."""

    def __init__(self, name):
        super().__init__(["ok"])
        self.model_name = name


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("anthropic/claude-sonnet-4-5", "anthropic"),
        ("azure/mine", "azure.ai.openai"),
        ("bedrock/anthropic.claude", "aws.bedrock"),
        ("vertex_ai/gemini-2.5-pro", "gcp.vertex_ai"),
        ("gemini/gemini-2.5-pro", "gcp.gemini"),
        ("groq/llama", "groq"),
        ("somebody/else", "somebody"),
        ("gpt-4o", "litellm"),
    ],
)
def test_providers_have_the_names_of_the_conventions(name, provider):
    told = route(LiteLLM(name), HI)
    assert (told["gen_ai.provider.name"], told["gen_ai.request.model"]) == (provider, name)


def test_other_backends_are_named_after_themselves():
    assert route(ScriptedLLM(["a"]), HI) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
    }
    assert route(CustomLLM("m", base_url="https://my.host/v1"), HI)["server.port"] == 443
    assert route(LocalLLM(), HI)["gen_ai.provider.name"] == "local"
    config = {"model": "llama", "base_url": "http://127.0.0.1:8080/v1"}
    assert route(AutoGenLLM([config]), HI)["gen_ai.request.model"] == "llama"


def test_a_request_that_says_where_it_goes_is_believed():
    model = OpenAILLM("tiny", base_url="http://127.0.0.1:1/v1")
    request = Request.of("hi", model="big", base_url="http://10.0.0.7:9/v1")
    told = route(model, request)
    assert told["gen_ai.request.model"] == "big"
    assert (told["server.address"], told["server.port"]) == ("10.0.0.7", 9)


def test_what_was_left_open_is_not_told():
    assert asked(ScriptedLLM(["a"]), HI) == {}
    schema = {"type": "json_schema", "json_schema": {}}
    full = Request.of("hi", response_format=schema, top_p=1, top_k=4, stop=["a", "b"])
    assert asked(ScriptedLLM(["a"]), full) == {
        "gen_ai.output.type": "json",
        "gen_ai.request.stop_sequences": ["a", "b"],
        "gen_ai.request.top_k": 4.0,
        "gen_ai.request.top_p": 1.0,
    }
    plain = Request.of("hi", response_format={"type": "text"})
    assert asked(ScriptedLLM(["a"]), plain) == {"gen_ai.output.type": "text"}


def test_tokens_that_nobody_counted_are_not_told_as_zero():
    assert answered(Reply("ok")) == {"gen_ai.response.finish_reasons": ["stop"]}


def test_kinds_of_errors_are_few():
    class StatusError(Exception):
        status_code = 502

    outer = ValueError("outer")
    outer.__cause__ = StatusError("inner")
    assert kind_of(outer) == "502"
    assert kind_of(StatusError("x")) == "502"
    assert kind_of(KeyError("any text at all")) == "KeyError"


def test_a_picture_is_told_by_its_address_and_its_bytes_are_not():
    def told(part):
        return content([{"role": "user", "content": [part]}])

    address = {"type": "image_url", "image_url": {"url": "https://a.example/cat.png"}}
    assert '"uri": "https://a.example/cat.png"' in told(address)
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA"}}
    assert "AAAA" not in told(sound)


def test_keys_are_found_through_layers_and_in_requests():
    from opto.llm import Governed, Governor

    model = Governed(OpenAILLM("m", api_key="key-of-model"), Governor(concurrent=1))
    request = Request.of("hi", api_key="key-of-request")
    assert set(secrets_of(model, request)) == {"key-of-model", "key-of-request"}
