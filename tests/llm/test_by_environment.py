"""Every variable of SPEC 0 and every profile, up to the request that a server gets for it."""

from __future__ import annotations

import pytest

from opto.errors import ArgumentError, ModelMissing, PlugError
from opto.llm import LLM, AutoGenLLM, CustomLLM, LiteLLM, LLMFactory, OpenAILLM
from opto.llm.profiles import BUILT_IN, REGISTERED
from tests.support.openai_server import OpenAIServer, says

litellm = pytest.mark.litellm


@pytest.fixture(autouse=True)
def own_profiles(monkeypatch):
    monkeypatch.setattr(REGISTERED, "_known", dict(BUILT_IN))


@pytest.fixture
def openai(server, monkeypatch):
    """The environment of somebody with a key; the server stands in the place of OpenAI's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):  # OpenAI's client, and LiteLLM
        monkeypatch.setenv(name, server.url)
    return server


@pytest.fixture(params=["alone", pytest.param("litellm", marks=litellm)])
def client(request):
    """With LiteLLM, and on a machine that has not got it."""
    if request.param == "alone":
        request.getfixturevalue("without_litellm")
        return OpenAILLM
    request.getfixturevalue("warm_litellm")
    return LiteLLM


def sent(server):
    """The name of the model and the key of the last request."""
    asked = server.requests[-1]
    return asked.body["model"], asked.headers["authorization"].removeprefix("Bearer ")


def test_a_key_alone_is_enough(openai, client):
    model = LLM()
    assert type(model) is client
    assert model("hi").text == "ok"
    assert sent(openai) == ("gpt-4o", "sk-of-openai")


def test_the_models_name_may_come_from_the_environment(openai, client, monkeypatch):
    monkeypatch.setenv("DEFAULT_LITELLM_MODEL", "gpt-4o-mini")
    LLM()("hi")
    assert sent(openai)[0] == "gpt-4o-mini"
    monkeypatch.setenv("TRACE_LITELLM_MODEL", "openai/tiny")
    LLM()("hi")
    assert sent(openai)[0] == "tiny"
    LLM("gpt-4.1")("hi")
    assert sent(openai)[0] == "gpt-4.1"


@pytest.mark.parametrize(
    ("named", "backend"),
    [
        pytest.param("LiteLLM", LiteLLM, marks=litellm),
        ("OpenAI", OpenAILLM),
        ("AutoGen", AutoGenLLM),
    ],
)
def test_the_environment_names_the_backend(request, openai, monkeypatch, named, backend):
    if backend is LiteLLM:
        request.getfixturevalue("warm_litellm")
    monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", named)
    model = LLM()
    assert type(model) is backend
    assert model("hi").text == "ok"
    assert sent(openai) == ("gpt-4o", "sk-of-openai")


def test_a_proxy_of_ones_own_has_variables_of_its_own(openai, monkeypatch):
    monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "CustomLLM")
    with pytest.raises(ModelMissing, match="set TRACE_CUSTOMLLM_URL"):
        LLM()
    with OpenAIServer(otherwise=says("from the proxy")) as proxy:
        monkeypatch.setenv("TRACE_CUSTOMLLM_URL", proxy.url)
        monkeypatch.setenv("TRACE_CUSTOMLLM_API_KEY", "sk-of-the-proxy")
        assert LLM().create(messages=[{"role": "user", "content": "hi"}]).text == "from the proxy"
        assert sent(proxy) == ("gpt-4o", "sk-of-the-proxy")
        monkeypatch.setenv("TRACE_CUSTOMLLM_MODEL", "tiny")
        assert type(LLM()) is CustomLLM
        LLM()("hi")
        assert sent(proxy)[0] == "tiny"
        CustomLLM(model="given")("hi")  # a NameError in the original
        assert sent(proxy)[0] == "given"
    assert openai.requests == []


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("default", "gpt-4o"),
        ("cheap", "gpt-4o-mini"),
        ("fast", "gpt-4o-mini"),
        ("premium", "gpt-4o"),
        ("reasoning", "o3"),
    ],
)
def test_a_profile_asks_its_model(openai, client, profile, name):
    assert LLM(profile=profile)("hi").text == "ok"
    assert LLMFactory.get_llm(profile)("hi").text == "ok"
    assert [asked.body["model"] for asked in openai.requests] == [name, name]


def test_a_registered_profile_says_backend_place_and_settings(server):
    LLMFactory.register_profile(
        "mine", "CustomLLM", model="tiny", base_url=server.url, temperature=0.0, seed=1
    )
    LLM(profile="mine")("hi")
    LLMFactory.get_llm("mine", model="big", temperature=0.5)("hi", seed=2)
    told = [[r.body[n] for n in ("model", "temperature", "seed")] for r in server.requests]
    assert told == [["tiny", 0.0, 1], ["big", 0.5, 2]]


def test_profiles_say_what_they_are(openai):
    LLMFactory.register_profile("mine", "OpenAI", model="tiny")
    assert LLMFactory.list_profiles()[-1] == "mine"
    assert LLMFactory.get_profile_info("mine") == {"backend": "OpenAI", "params": {"model": "tiny"}}
    assert set(LLMFactory.get_profile_info()) == set(LLMFactory.list_profiles())


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: LLM(profile="chaep"), PlugError, "'chaep'; did you mean 'cheap'"),
        (lambda: LLMFactory.get_llm("chaep"), PlugError, "register_profile"),
        (lambda: LLMFactory.get_profile_info("chaep"), PlugError, "did you mean 'cheap'"),
        (lambda: LLM(backend="OpenAPI"), PlugError, "did you mean 'openai'"),
        (lambda: LLM(profile="misspelt"), ArgumentError, "base_ulr.*base_url"),
        (lambda: LLM(profile="nobody"), PlugError, "no LLM backend is called 'CustomLM'"),
    ],
)
def test_what_nobody_knows_is_said_with_what_is_near(ask, error, words):
    LLMFactory.register_profile("misspelt", "OpenAI", base_ulr="http://127.0.0.1:1/v1")
    LLMFactory.register_profile("nobody", "CustomLM")
    with pytest.raises(error, match=words) as caught:
        ask()
    # What programs for the original expect.
    assert isinstance(caught.value, (ValueError, TypeError))
