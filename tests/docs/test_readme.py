"""The README shows what was run: each Python block prints the text block below it.

The model behind `OptoPrime` is OpenAI's real client, answered by a scripted server on
this machine.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from opto.trace import GRAPH
from tests.support.openai_server import OpenAIServer, says
from tests.support.pages import blocks, printed

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks(README)

SORTING = '''\
def strange_sort_list(lst):
    """Return the numbers of lst in strange order: the smallest, then the largest of the
    rest, then the smallest of what is left, and so on."""
    rest, out = sorted(lst), []
    while rest:
        out.append(rest.pop(-1 if len(out) % 2 else 0))
    return out
'''

GREETING = '''\
def greet(self, system_prompt, user_query):
    """Greet the customer in the language of the query."""
    return f"{system_prompt}: ¡Hola! Preguntó: {user_query}"
'''


def answer(asked):
    """What the scripted model says to a prompt, by the program that it is shown."""
    prompt = asked.body["messages"][-1]["content"]
    code = re.search(r"__code\d+", prompt).group()
    if "strange_sort_list" in prompt:
        suggestion = {code: SORTING}
    else:
        name = re.search(r"system_prompt\d+", prompt).group()
        suggestion = {code: GREETING, name: "Mostrador de ventas"}
    return says(json.dumps({"reasoning": "As the feedback says.", "suggestion": suggestion}))


@pytest.fixture
def _model(monkeypatch):
    with OpenAIServer(otherwise=answer) as server:
        monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "OpenAI")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "no-key")
        yield


@pytest.mark.usefixtures("_model")
def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    script = tmp_path / "readme.py"
    monkeypatch.chdir(tmp_path)
    GRAPH.clear()
    module = types.ModuleType("readme")
    names = vars(module)
    # What goes to another process is looked up by name, as in the script of a reader.
    monkeypatch.setitem(sys.modules, "readme", module)
    assert len(BLOCKS) == 8
    for code, expected in BLOCKS:
        assert printed(code, script.with_stem(f"readme_{len(names)}"), names) == expected
    assert (tmp_path / "agent.json").exists()
    check = "from trained_agent import SalesAgent; print(SalesAgent('Ventas')('pan'))"
    alone = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {check}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "¡Hola!" in alone.stdout


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\((?!http|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
