from __future__ import annotations

import sys
import warnings
from functools import partial
from importlib import import_module
from types import ModuleType

import pytest

from opto.llm import AutoGenLLM, LiteLLM, OpenAILLM
from opto.llm.packages import installed
from tests.support.openai_server import OpenAIServer

KEY = "sk-this-key-must-show-nowhere"


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def with_litellm(monkeypatch):
    """LiteLLM counts as installed; nothing of it is used."""
    if not installed("litellm"):
        monkeypatch.setitem(sys.modules, "litellm", ModuleType("litellm"))


@pytest.fixture
def without_litellm(monkeypatch):
    # How Python itself marks a module that must not be imported.
    monkeypatch.setitem(sys.modules, "litellm", None)


@pytest.fixture(scope="session")
def warm_litellm():
    """LiteLLM imports half of itself at its first call, which no time limit here allows for."""
    if not installed("litellm"):
        pytest.skip("LiteLLM is not installed")
    with OpenAIServer() as running, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydantic thinks of LiteLLM's types
        model = LiteLLM("openai/tiny", api_base=running.url, api_key=KEY, timeout=None)
        model("hi")
        list(model.stream("hi"))


@pytest.fixture(
    params=["openai", pytest.param("litellm", marks=pytest.mark.litellm)],
)
def connect(request, server):
    """Makes a model that asks the server, through each of the two clients in turn."""
    if request.param == "litellm":
        request.getfixturevalue("warm_litellm")
        # LiteLLM reads its chunks in a way that newer releases of pydantic advise against.
        warnings.filterwarnings("ignore", "Accessing the 'model_.*' attribute on the instance")
        made = partial(LiteLLM, "openai/tiny", api_base=server.url)
    else:
        import_module("openai.types.chat")  # half a second, which is none of an answer's time
        made = partial(OpenAILLM, "tiny", base_url=server.url)
    return partial(made, api_key=KEY, base_delay=0.01, timeout=5.0)


@pytest.fixture
def model(connect):
    return connect()


@pytest.fixture(scope="session")
def warm_autogen():
    """As of `warm_litellm`: the clients are imported, AutoGen's where it is installed."""
    with OpenAIServer() as running:
        entry = {"model": "tiny", "base_url": running.url, "timeout": None}
        AutoGenLLM([entry])("hi")
        OpenAILLM(**entry)("hi")


@pytest.fixture(
    params=[
        pytest.param(
            "AutoGen",
            marks=pytest.mark.skipif(
                not installed("autogen"), reason="AutoGen 0.2 is not installed"
            ),
        ),
        "alone",
    ]
)
def way(request, monkeypatch, warm_autogen):
    """Through AutoGen, which must be what asked; or as if it were not installed."""
    if request.param == "alone":
        monkeypatch.setitem(sys.modules, "autogen", None)
    return request.param


@pytest.fixture
def two(server):
    """Two models on one server, told apart by their names."""
    entry = {"base_url": server.url, "api_key": "sk-any", "cache_seed": 41, "tags": ["t"]}
    return [{"model": "first", **entry}, {"model": "second", **entry}]
