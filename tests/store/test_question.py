from __future__ import annotations

import pytest

from opto.llm import AutoGenLLM, LiteLLM, OpenAILLM, ReplayLLM, Request, ScriptedLLM
from opto.llm.packages import installed
from opto.store.question import key_of

HERE = "http://127.0.0.1:1/v1"


def key(source, text="q", name=None, **arguments):
    return key_of(Request.of(text, **arguments), source, name)


def test_what_a_model_adds_is_part_of_the_question():
    said = key(OpenAILLM("m", base_url=HERE), temperature=0.5)
    assert key(OpenAILLM("m", base_url=HERE, temperature=0.5)) == said
    assert key(OpenAILLM("m", base_url=HERE, temperature=1.0), temperature=0.5) == said
    assert key(OpenAILLM("m", base_url=HERE)) != said


@pytest.mark.parametrize("other", [{"model": "n"}, {"base_url": "http://127.0.0.1:2/v1"}], ids=str)
def test_another_model_is_asked_another_question(other):
    assert key(OpenAILLM(**{"model": "m", "base_url": HERE, **other})) != key(
        OpenAILLM("m", base_url=HERE)
    )


@pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed")
def test_an_address_in_litellms_settings_counts():
    keys = {key(LiteLLM("openai/m", api_base=base)) for base in (HERE, None, "http://127.0.0.1:2")}
    assert len(keys) == 3


def test_a_layer_is_the_model_that_it_is_around(tmp_path):
    source = OpenAILLM("m", base_url=HERE, seed=1)
    assert key(ReplayLLM(tmp_path / "r", source=source)) == key(source)


def test_models_that_are_asked_in_turn_count_all():
    one, two = ({"model": model, "base_url": HERE, "api_key": "sk-any"} for model in "ab")
    assert len({key(AutoGenLLM(configs)) for configs in ([one], [two], [one, two])}) == 3


def test_the_settings_of_models_that_are_asked_in_turn_count():
    config = {"model": "a", "base_url": HERE, "api_key": "sk-any"}
    models = [AutoGenLLM([config | more]) for more in ({}, {"temperature": 0.5}, {"seed": 1})]
    assert len({key(model) for model in models}) == 3


def test_the_key_that_opens_a_model_does_not_count():
    assert key(OpenAILLM("m", api_key="sk-one")) == key(OpenAILLM("m", api_key="sk-two"))


def test_a_model_without_a_name_is_its_class():
    class Mine(ScriptedLLM):
        pass

    assert key(ScriptedLLM(["a"])) == key(ScriptedLLM(["b"])) != key(Mine([]))
    assert key(Mine([]), name="n") == key(ScriptedLLM([]), name="n")
