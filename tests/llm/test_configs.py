from __future__ import annotations

import json
import os
import sys
import traceback

import pytest

from opto.errors import ModelMissing, StoreError
from opto.llm.configs import auto_construct_oai_config_list_from_env, found_configs, passing
from opto.llm.packages import installed
from opto.llm.wrapper import wrapper_class

CONFIGS = [{"model": "a", "api_key": "sk-a"}, {"model": "b", "tags": ["cheap", "fast"]}]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_variable_may_hold_the_list(monkeypatch):
    monkeypatch.setenv("OAI_CONFIG_LIST", json.dumps(CONFIGS))
    assert found_configs() == CONFIGS


def test_the_variable_may_name_a_file(monkeypatch, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps(CONFIGS))
    monkeypatch.setenv("OAI_CONFIG_LIST", "models.json")
    assert found_configs() == CONFIGS


def test_a_file_of_that_name_is_found(tmp_path):
    (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(CONFIGS))
    assert found_configs() == CONFIGS


def test_keys_make_configurations(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-b")
    [claude] = found_configs()
    assert (claude["api_type"], claude["api_key"]) == ("anthropic", "sk-b")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a")
    assert [config["model"] for config in found_configs()] == ["gpt-4o", claude["model"]]


def test_an_empty_variable_says_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("OAI_CONFIG_LIST", "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a")
    assert [config["model"] for config in found_configs()] == ["gpt-4o"]
    (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(CONFIGS))
    assert found_configs() == CONFIGS


def test_nothing_at_all_is_said_with_what_to_set():
    with pytest.raises(ModelMissing, match="set OAI_CONFIG_LIST to a JSON list such as"):
        found_configs()


@pytest.mark.parametrize("text", ['[{"model": "a", "api_key": "sk-hunter2"}', "[]", '[{"x": 1}]'])
def test_what_is_no_list_of_configurations_is_refused(monkeypatch, text):
    monkeypatch.setenv("OAI_CONFIG_LIST", text)
    with pytest.raises(StoreError, match="OAI_CONFIG_LIST is no JSON list") as caught:
        found_configs()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_the_variable_is_written_from_the_keys(monkeypatch):
    monkeypatch.setenv("OAI_CONFIG_LIST", "")  # so that it is taken back after the test
    assert auto_construct_oai_config_list_from_env() == []
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a")
    written = auto_construct_oai_config_list_from_env()
    assert json.loads(os.environ["OAI_CONFIG_LIST"]) == written == found_configs()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-b")
    assert auto_construct_oai_config_list_from_env() == []
    assert found_configs() == written


@pytest.mark.parametrize(
    ("wanted", "models"),
    [
        ({}, ["a", "b"]),
        ({"model": ["b", "c"]}, ["b"]),
        ({"tags": ["fast"]}, ["b"]),
        ({"tags": ["fast"], "model": ["a"]}, []),
        ({"tags": [None, "fast"]}, ["a", "b"]),
    ],
)
def test_a_filter_lets_through_what_is_wanted(wanted, models):
    assert [config["model"] for config in passing(CONFIGS, wanted)] == models


@pytest.mark.skipif(not installed("autogen"), reason="AutoGen 0.2 is not installed")
@pytest.mark.parametrize("wanted", [{}, {"model": ["a", "c"]}, {"tags": ["fast"]}, {"x": [1]}])
@pytest.mark.parametrize("place", ["variable", "named file", "file"])
def test_autogen_finds_and_filters_the_same(monkeypatch, tmp_path, place, wanted):
    text = json.dumps([*CONFIGS, {"model": "c", "x": 1, "tags": ["fast"]}])
    if place == "variable":
        monkeypatch.setenv("OAI_CONFIG_LIST", text)
    else:
        (tmp_path / "OAI_CONFIG_LIST").write_text(text)
    if place == "named file":
        monkeypatch.setenv("OAI_CONFIG_LIST", str(tmp_path / "OAI_CONFIG_LIST"))
    assert wrapper_class() is not None
    theirs = sys.modules["autogen"].config_list_from_json("OAI_CONFIG_LIST", filter_dict=wanted)
    assert passing(found_configs(), wanted) == theirs
