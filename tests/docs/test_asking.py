"""The page on asking shows what was run, and the faults that are tested."""

from __future__ import annotations

import json

import pytest

from tests.docs.test_readme import ROOT
from tests.support.faults import table
from tests.support.openai_server import OpenAIServer, says
from tests.support.pages import blocks, printed

pytest.importorskip("openai")
PAGE = (ROOT / "docs/asking.md").read_text(encoding="utf-8")


def answer(asked):
    return says("Goodbye!" if "goodbye" in json.dumps(asked.body) else "Good morning!")


@pytest.fixture
def _model(monkeypatch):
    with OpenAIServer(otherwise=answer) as server:
        monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "OpenAI")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "no-key")
        monkeypatch.setenv("MY_DB_PASSWORD", "set by the page, and taken back")
        yield


@pytest.mark.usefixtures("_model")
def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, (code, expected) in enumerate(blocks(PAGE)):
        assert printed(code, tmp_path / f"page_{number}.py", names) == expected


def test_the_table_of_faults_is_the_one_that_is_tested():
    assert table() in PAGE
