"""AutoGen's own client; test_autogen.py has what asking with it and without it share."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from opto.llm import AutoGenLLM, CustomLLM, OpenAILLM, Request
from opto.llm.live import Live
from opto.llm.packages import installed
from opto.llm.wrapper import suits, wrapper_class
from tests.support.openai_server import says

HERE = "http://127.0.0.1:1/v1"
autogen = pytest.mark.skipif(not installed("autogen"), reason="AutoGen 0.2 is not installed")


def test_where_autogen_is_not_installed_there_is_no_wrapper(monkeypatch):
    monkeypatch.setitem(sys.modules, "autogen", None)
    assert wrapper_class() is None


def test_something_else_of_that_name_is_no_autogen(monkeypatch):
    monkeypatch.setitem(sys.modules, "autogen", ModuleType("autogen"))
    assert wrapper_class() is None


def test_a_broken_autogen_is_said(monkeypatch, tmp_path):
    (tmp_path / "autogen.py").write_text("import a_package_that_nobody_has")
    program = (
        "from opto.errors import ModelMissing\nfrom opto.llm.wrapper import wrapper_class\n"
        "try: wrapper_class()\nexcept ModelMissing as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        cwd=tmp_path,
        text=True,
        timeout=60,
        check=True,
    )
    assert "AutoGen is installed, and cannot be imported: No module named 'a_pack" in done.stdout
    assert 'pip install "autogen-agentchat==0.2.40" repairs it' in done.stdout


@autogen
def test_it_is_autogens():
    wrapper = wrapper_class()
    assert wrapper is sys.modules["autogen"].OpenAIWrapper
    assert "cache_seed" in wrapper.extra_kwargs


def test_it_suits_what_speaks_openais_api_and_has_a_key(monkeypatch):
    plain, mine = Request.of("hi"), OpenAILLM("m", base_url=HERE)
    assert suits([mine, mine], plain)
    assert not suits([mine, CustomLLM("m", base_url=HERE)], plain)
    assert not suits([mine], Request.of("hi", stream=True))
    listened = Request((), live=Live(print))
    assert not suits([mine], listened)
    assert suits([mine], Request((), live=Live()))
    assert not suits([OpenAILLM("gpt-4o")], plain)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    assert suits([OpenAILLM("gpt-4o")], plain)


@autogen
def test_its_cache_is_never_touched(server, monkeypatch):
    import diskcache

    def refuse(*_, **__):
        raise AssertionError("AutoGen's cache was opened")

    monkeypatch.setattr(diskcache, "Cache", refuse)
    entry = {"model": "m", "base_url": server.url, "cache_seed": 41}
    assert AutoGenLLM([entry])("hi", cache_seed=42).text == "ok"


@autogen
def test_its_client_tries_once(server, monkeypatch):
    # What tries again is `AutoGenLLM.retry`.
    made, wrapper = [], wrapper_class()
    register = wrapper._register_default_client

    def noted(self, config, openai_config):
        made.append(config)
        register(self, config, openai_config)

    monkeypatch.setattr(wrapper, "_register_default_client", noted)
    AutoGenLLM([{"model": "m", "base_url": server.url, "max_retries": 7}], max_retries=0)("hi")
    [config] = made
    assert (config["max_retries"], config["cache_seed"]) == (0, None)


@autogen
def test_what_the_client_is_made_with_goes_to_the_client(server):
    entry = {
        "model": "m",
        "base_url": server.url,
        "organization": "org-1",
        "default_headers": {"X-Team": "a"},
    }
    AutoGenLLM([entry])("hi", extra_headers={"X-Way": "b"}, extra_query={"v": "2"})
    [asked] = server.requests
    assert asked.headers["openai-organization"] == "org-1"
    assert (asked.headers["x-team"], asked.headers["x-way"]) == ("a", "b")
    assert asked.path.endswith("/chat/completions?v=2")
    assert set(asked.body) == {"messages", "model", "stream"}


@autogen
def test_the_answer_holds_no_client(server):
    server.otherwise = says("ok")
    raw = AutoGenLLM([{"model": "m", "base_url": server.url, "api_key": "sk-any"}])("hi").raw
    assert not hasattr(raw, "message_retrieval_function")
    assert raw.model_dump()["choices"][0]["message"]["content"] == "ok"


@autogen
def test_a_program_that_asks_prints_nothing_and_leaves_nothing(server, two, tmp_path):
    program = f"from opto.llm import AutoGenLLM\nassert AutoGenLLM({two!r})('hi').text == 'ok'\n"
    done = subprocess.run(
        # It asks for the time in a way that Python 3.12 advises against.
        [sys.executable, "-W", "error", "-W", "ignore:datetime.datetime.utcnow", "-c", program],
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_autogen_is_imported_by_the_first_question(server, two):
    program = (
        "import sys\nfrom opto.llm import AutoGenLLM\n"
        f"AutoGenLLM({two!r})\nassert 'autogen' not in sys.modules and 'openai' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
