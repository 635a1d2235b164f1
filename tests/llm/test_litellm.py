"""What is particular to LiteLLM; test_remote.py has what it shares with OpenAI's client."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from opto.errors import ModelMissing
from opto.llm import LiteLLM
from opto.llm.litellm import _load
from opto.llm.packages import installed
from opto.llm.profiles import BUILT_IN
from tests.support.openai_server import OpenAIServer, fails, says

pytestmark = [
    pytest.mark.litellm,
    pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed"),
]


def test_the_model_comes_from_argument_then_environment(monkeypatch):
    assert LiteLLM().model_name == "gpt-4o"
    monkeypatch.setenv("DEFAULT_LITELLM_MODEL", "older")
    assert LiteLLM().model_name == "older"
    monkeypatch.setenv("TRACE_LITELLM_MODEL", "newer")
    assert LiteLLM().model_name == "newer"
    assert LiteLLM("mine").model_name == "mine"


def test_the_original_gave_its_settings_in_this_order():
    model = LiteLLM("mine", 5, False, 3, 0.5)
    assert (model.reset_freq, model.cache) == (5, False)
    assert (model.retry.max_retries, model.retry.base_delay) == (3, 0.5)


@pytest.mark.usefixtures("without_litellm")
def test_without_litellm_it_says_how_to_install_it():
    with pytest.raises(ModelMissing, match=r"LiteLLM needs the package 'litellm'.*pip install"):
        LiteLLM()


def test_the_price_of_a_known_model_is_known(server):
    reply = LiteLLM("openai/gpt-4o-mini", api_base=server.url, api_key="sk-any")("hi")
    assert reply.usage.total_tokens == 18
    assert 0 < reply.usage.cost_usd < 0.001


def test_the_price_of_an_unknown_model_is_unknown(server):
    reply = LiteLLM("openai/tiny", api_base=server.url, api_key="sk-any")("hi")
    assert reply.usage.cost_usd is None


@pytest.mark.parametrize(("model", "can"), [("gpt-4o", True), ("openai/tiny", False)])
def test_its_table_says_who_enforces_schemas(model, can):
    assert LiteLLM(model).enforces_schema is can
    assert LiteLLM(model, enforces_schema=not can).enforces_schema is not can


def test_azure_is_asked_with_a_token(monkeypatch, server):
    scopes = []

    def tokens(credential, scope):
        scopes.append((credential, scope))
        return lambda: "a-token"

    azure = SimpleNamespace(DefaultAzureCredential=lambda: "me", get_bearer_token_provider=tokens)
    monkeypatch.setitem(sys.modules, "azure.identity", azure)
    monkeypatch.setenv("AZURE_TOKEN_PROVIDER_SCOPE", "the-scope")
    address = server.url.removesuffix("/v1")
    model = LiteLLM("azure/tiny", api_base=address, api_version="2024-10-21")
    assert model("hi").text == "ok"
    assert server.requests[0].headers["authorization"] == "Bearer a-token"
    assert server.requests[0].path.startswith("/openai/deployments/tiny/chat/completions")
    assert scopes == [("me", "the-scope")]


def test_a_token_is_not_asked_for_other_models(monkeypatch, server):
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    monkeypatch.setenv("AZURE_TOKEN_PROVIDER_SCOPE", "the-scope")
    model = LiteLLM("openai/tiny", api_base=server.url, api_key="sk-any")
    assert model("hi").text == "ok"


def test_without_azure_identity_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    monkeypatch.setenv("AZURE_TOKEN_PROVIDER_SCOPE", "the-scope")
    with pytest.raises(ModelMissing, match=r"pip install .azure-identity"):
        LiteLLM("azure/tiny")("hi")


def test_every_model_of_a_profile_exists():
    named = {p.settings["model"] for p in BUILT_IN.values() if "model" in p.settings}
    assert named <= set(_load().model_cost)


PROGRAM = """
import os, socket, sys
from opto.llm import LiteLLM
from opto.llm.litellm import _load
from opto.errors import ModelRefused

look_up = socket.getaddrinfo
def only_here(host, *args, **kwargs):
    assert host == "127.0.0.1", host
    return look_up(host, *args, **kwargs)
socket.getaddrinfo = only_here

model = LiteLLM("openai/tiny", api_base=os.environ["SERVER"], api_key="sk-any", base_delay=0.01)
assert "litellm" not in sys.modules
assert model("hi").text == "at last"
assert "LITELLM_LOCAL_MODEL_COST_MAP" not in os.environ
try:
    model("hi")
except ModelRefused as refused:
    assert "no" in str(refused)
"""


def test_a_whole_program_prints_nothing_and_fetches_nothing():
    with OpenAIServer([fails(500), says("at last"), fails(400, "no")]) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:opto", "-c", PROGRAM],
            env={**os.environ, "SERVER": server.url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("chosen", "httpx"), [(None, True), ("False", False)])
def test_calls_go_through_httpx_unless_the_user_wants_aiohttp(monkeypatch, chosen, httpx):
    monkeypatch.setattr(_load(), "disable_aiohttp_transport", False)
    monkeypatch.delenv("DISABLE_AIOHTTP_TRANSPORT", raising=False)
    if chosen is not None:
        monkeypatch.setenv("DISABLE_AIOHTTP_TRANSPORT", chosen)
    assert _load().disable_aiohttp_transport is httpx


LITELLM = """
import os

seen = os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP")

async def close_litellm_async_clients():
    pass
"""


@pytest.mark.parametrize(("chosen", "seen"), [("False", "False"), (None, "True")])
def test_the_users_own_choice_of_the_price_table_stays(monkeypatch, tmp_path, chosen, seen):
    # One that only looks: the real one would reach for the network, as its user chose.
    (tmp_path / "litellm.py").write_text(LITELLM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "litellm", None)  # so that what was there comes back
    del sys.modules["litellm"]
    if chosen is not None:
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", chosen)
    looking = _load()
    assert looking.seen == seen
    assert os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP") == chosen
