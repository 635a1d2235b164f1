from __future__ import annotations

import pytest

from opto.errors import PlugError
from opto.llm import LLM, LiteLLM, LLMFactory, OpenAILLM
from opto.llm.profiles import BUILT_IN, REGISTERED

pytestmark = pytest.mark.usefixtures("with_litellm")


@pytest.fixture(autouse=True)
def own_profiles(monkeypatch):
    monkeypatch.setattr(REGISTERED, "_known", dict(BUILT_IN))


def test_a_profile_is_a_backend_with_settings():
    LLMFactory.register_profile("steady", "OpenAI", model="tiny", temperature=0.0)
    model = LLMFactory.get_llm("steady")
    assert (type(model), model.model_name) == (OpenAILLM, "tiny")
    assert model.defaults == {"temperature": 0.0}
    assert LLMFactory.get_llm("steady") is not model


def test_what_is_said_beside_a_profile_goes_before_it():
    LLMFactory.register_profile("steady", "OpenAI", model="tiny", temperature=0.0, seed=1)
    model = LLM("big", profile="steady", temperature=0.5)
    assert (model.model_name, model.defaults) == ("big", {"temperature": 0.5, "seed": 1})
    assert isinstance(LLM(profile="steady", backend="LiteLLM"), LiteLLM)


def test_profiles_can_be_listed():
    LLMFactory.register_profile("steady", "OpenAI", model="tiny")
    assert {"default", "cheap", "premium", "fast", "reasoning"} < set(LLMFactory.list_profiles())
    steady = {"backend": "OpenAI", "params": {"model": "tiny"}}
    assert LLMFactory.get_profile_info("steady") == steady
    assert LLMFactory.get_profile_info()["steady"] == steady


def test_an_unknown_profile_is_refused():
    with pytest.raises(PlugError, match="no LLM profile is called 'chaep'; did you mean 'cheap'"):
        LLM(profile="chaep")


def test_the_default_profile_is_the_default_model(monkeypatch):
    monkeypatch.setenv("TRACE_LITELLM_MODEL", "mine")
    assert LLM(profile="default").model_name == "mine"
