"""The command as a person types it, answered by a server on 127.0.0.1."""

from __future__ import annotations

import json

import pytest

from opto.__main__ import main
from tests.support.openai_server import OpenAIServer, says


@pytest.fixture
def server(monkeypatch, suggests):
    """A model that always says 'Hola'."""
    with OpenAIServer(otherwise=says(suggests({"greeting0": "Hola"}))) as listening:
        monkeypatch.setenv("TRACE_CUSTOMLLM_URL", listening.url)
        yield listening


def test_the_first_line_says_who_answers(server, capsys) -> None:
    assert main(["quickstart", "--job", "greeting"]) == 0
    out = capsys.readouterr().out
    assert "CustomLLM" in out.splitlines()[0]
    assert "Hola, " in out
    assert "greeting: 1 of 1 solved" in out


def test_a_measurement_counts_seeds_and_is_written_down(server, tmp_path, capsys) -> None:
    file = tmp_path / "rates.json"
    words = ["quickstart", "--job", "greeting", "--measure", "3", "--json", str(file)]
    assert main(words) == 0
    content = json.loads(file.read_text())
    assert content["rates"]["greeting"]["solved"] == 3
    assert [o["seed"] for o in content["outcomes"]] == [0, 1, 2]
    assert "greeting: 3 of 3 solved" in capsys.readouterr().out


def test_a_model_that_is_not_there_is_an_exit_status_and_a_line(capsys) -> None:
    assert main(["quickstart", "--model", "/no/such/file.gguf"]) == 2
    assert "ModelMissing" in capsys.readouterr().out


def test_an_unknown_job_is_refused_with_the_known_ones(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["quickstart", "--job", "world-peace"])
    assert "repair" in capsys.readouterr().err
