from __future__ import annotations

import pytest

from opto.llm import Reply, ScriptedLLM, Usage
from opto.store import Recorded, open_journal
from opto.store import run as opto_run
from opto.store.history import usages


def reply(written, model="tiny"):
    return Reply("ok", model=model, usage=Usage(9, written))


@pytest.fixture
def journal(tmp_path):
    with open_journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def written(*found):
    return [usage.completion_tokens for usage in found]


def test_the_answers_of_one_run_or_of_all(journal):
    for name, tokens in (("a", 1), ("b", 2), ("a", 3)):
        Recorded(ScriptedLLM([reply(tokens)]), journal, run=name)("hi")
    assert written(*usages(journal)) == [1, 2, 3]
    assert written(*usages(journal, run="a")) == [1, 3]
    assert written(*usages(journal, run="c")) == []


def test_what_came_out_of_a_record_is_no_history(journal):
    model = Recorded(ScriptedLLM([reply(5)]), journal, cache=True)
    with opto_run("a", journal=journal):
        model("hi")
        model("hi")
    # The first was given once, and written down by the cache and by the run.
    assert written(*usages(journal, run="")) == [5]
    assert written(*usages(journal, run="a")) == [5]


def test_what_nobody_counted_is_no_history(journal):
    Recorded(ScriptedLLM(["ok", reply(4)]), journal)("one")
    Recorded(ScriptedLLM([reply(4)]), journal)("two")
    assert written(*usages(journal)) == [4]


@pytest.mark.parametrize(
    ("answering", "asked", "same"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5", True),
        ("gpt-4o-mini", "gpt-4o", False),
        ("gpt-4o-mini-2024-07-18", "gpt-4o", False),
        (None, "gpt-4o", False),
    ],
)
def test_models_answer_with_their_version(journal, answering, asked, same):
    Recorded(ScriptedLLM([reply(4, answering)]), journal)("hi")
    assert bool(list(usages(journal, model=asked))) is same
