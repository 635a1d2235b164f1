from __future__ import annotations

import subprocess
import sys

import pytest

from opto.errors import ModelMissing, PlugError
from opto.llm import LLM, AutoGenLLM, CustomLLM, LiteLLM, LLMFactory, LocalLLM, OpenAILLM
from opto.llm.choice import choose

VARIABLE = "TRACE_DEFAULT_LLM_BACKEND"


@pytest.fixture(autouse=True)
def as_most_have_it(with_litellm):
    """Runs before `without_litellm`, which a test may ask for."""


def test_litellm_answers_where_it_is_installed():
    assert isinstance(LLM(), LiteLLM)


@pytest.mark.usefixtures("without_litellm")
def test_openai_answers_where_litellm_is_not_installed():
    assert isinstance(LLM(), OpenAILLM)


@pytest.mark.usefixtures("without_litellm")
@pytest.mark.parametrize("variable", ["TRACE_LITELLM_MODEL", "DEFAULT_LITELLM_MODEL"])
@pytest.mark.parametrize("named", ["gpt-4o-mini", "openai/gpt-4o-mini"])
def test_without_litellm_its_model_is_asked_of_openai(monkeypatch, variable, named):
    monkeypatch.setenv(variable, named)
    model = LLM()
    assert (type(model), model.model_name) == (OpenAILLM, "gpt-4o-mini")
    assert LLM("mine").model_name == "mine"


@pytest.mark.usefixtures("without_litellm")
def test_who_names_a_model_of_another_provider_is_told_to_install_it(monkeypatch):
    monkeypatch.setenv("TRACE_LITELLM_MODEL", "anthropic/claude-sonnet-4-5")
    with pytest.raises(ModelMissing, match=r'not installed: pip install "litellm>='):
        LLM()


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("LiteLLM", LiteLLM),
        ("litellm", LiteLLM),
        ("OpenAI", OpenAILLM),
        ("CustomLLM", CustomLLM),
        ("CUSTOMLLM", CustomLLM),
        ("Local", LocalLLM),
        ("AutoGen", AutoGenLLM),
    ],
)
def test_a_backend_is_chosen_by_name(monkeypatch, name, backend):
    monkeypatch.setenv("TRACE_CUSTOMLLM_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    assert type(LLM(backend=name)) is backend
    monkeypatch.setenv(VARIABLE, name)
    assert type(LLM()) is backend


def test_the_argument_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, "LiteLLM")
    assert type(LLM(backend="OpenAI")) is OpenAILLM


def test_an_empty_variable_says_nothing(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    assert isinstance(LLM(), LiteLLM)


@pytest.mark.parametrize("name", ["LiteLM", "default"])
def test_an_unknown_backend_is_refused(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(PlugError, match=f"no LLM backend is called '{name}'; .*{VARIABLE}"):
        LLM()


def test_the_nearest_name_is_named():
    with pytest.raises(PlugError, match="did you mean 'litellm'"):
        LLM(backend="lite_lm")


def test_a_missing_package_is_said_with_its_command(without_litellm):
    with pytest.raises(ModelMissing, match=r'pip install "litellm>=1.75,!=1.82.7'):
        LLM(backend="LiteLLM")


def test_arguments_go_to_the_backend():
    model = LLM("tiny", backend="OpenAI", base_url="http://127.0.0.1:1", temperature=0.5)
    assert (model.model_name, model.base_url) == ("tiny", "http://127.0.0.1:1")
    assert model.defaults == {"temperature": 0.5}
    assert choose("tiny", None, False, backend="LiteLLM").cache is False


def test_making_a_model_imports_nothing_heavy():
    program = """
import sys, opto.llm
from opto.llm.packages import installed
names = ["OpenAI", "Local"] + ["LiteLLM"] * installed("litellm")
models = [opto.llm.LLM(backend=name) for name in names]
models.append(opto.llm.LLM())
[repr(model) for model in models]
heavy = {"openai", "litellm", "tenacity", "httpx", "asyncio", "xllamacpp"}
sys.exit(" ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_cached_model_asks_each_question_once(monkeypatch, tmp_path, server):
    monkeypatch.setenv("OPTO_STORE", str(tmp_path / "journal.sqlite"))
    for _ in range(2):
        model = LLM("tiny", backend="OpenAI", base_url=server.url, api_key="sk-any", cache=True)
        assert isinstance(model.source, OpenAILLM)
        assert [model(text).text for text in ("one", "two", "one")] == ["ok"] * 3
        model.journal.close()
    assert [asked.body["messages"][0]["content"] for asked in server.requests] == ["one", "two"]


def test_a_profile_may_cache_and_its_user_may_not(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTO_STORE", str(tmp_path / "journal.sqlite"))
    LLMFactory.register_profile("kept", "OpenAI", cache=True)
    model = LLM(profile="kept")
    assert isinstance(model.source, OpenAILLM)
    model.journal.close()
    assert isinstance(LLM(profile="kept", cache=False), OpenAILLM)
    assert isinstance(LLM(backend="OpenAI", cache=False), OpenAILLM)
    assert isinstance(LLM(backend="Local", cache=False), LocalLLM)
