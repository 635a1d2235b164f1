from __future__ import annotations

import pytest

from opto.errors import ModelMissing
from opto.llm import CustomLLM, OpenAILLM
from opto.llm.local import LocalLLM
from opto.quickstart.answerer import KEYS, answerer


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTO_CACHE", str(tmp_path))
    return tmp_path


def test_without_a_key_the_local_model_answers_and_its_download_is_announced() -> None:
    answers = answerer()
    assert isinstance(answers.llm, LocalLLM)
    assert answers.local
    text = "\n".join(answers.words)
    assert "qwen2.5-coder-1.5b on this machine" in text
    assert "1,117 MB" in text
    assert "huggingface.co/Qwen" in text
    assert "SHA-256" in text


def test_a_file_of_ones_own_is_named(tmp_path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF....")
    assert str(file) in "\n".join(answerer(str(file)).words)


def test_a_model_of_another_size_is_chosen_by_name() -> None:
    assert answerer("qwen2.5-coder-0.5b").llm.model_name == "qwen2.5-coder-0.5b"


def test_a_server_of_ones_own_goes_before_the_local_model(monkeypatch) -> None:
    monkeypatch.setenv("TRACE_CUSTOMLLM_URL", "http://127.0.0.1:4000/v1")
    answers = answerer()
    assert isinstance(answers.llm, CustomLLM)
    assert not answers.local
    assert "TRACE_CUSTOMLLM_URL" in answers.words[0]


def test_a_key_of_openai_is_used_and_not_shown(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "OpenAI")
    answers = answerer("gpt-4o-mini")
    assert isinstance(answers.llm, OpenAILLM)
    assert "gpt-4o-mini" in answers.words[0]
    assert "sk-secret" not in answers.words[0]


@pytest.mark.parametrize("variable", ["TRACE_LITELLM_MODEL", "ANTHROPIC_API_KEY"])
def test_what_needs_litellm_says_so_where_it_is_missing(variable, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "litellm", None)
    monkeypatch.setenv(variable, "something")
    with pytest.raises(ModelMissing, match="litellm"):
        answerer()


def test_all_four_variables_are_known() -> None:
    assert set(KEYS) == {
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "TRACE_CUSTOMLLM_URL",
        "TRACE_LITELLM_MODEL",
    }
