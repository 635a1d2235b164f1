from __future__ import annotations

import io

from rich.console import Console

from opto.llm import ScriptedLLM
from opto.quickstart.jobs import JOBS
from opto.quickstart.run import work
from opto.quickstart.show import show


def seen(llm, job: str) -> str:
    console = Console(file=io.StringIO(), width=120)
    for event in work(JOBS[job], llm, seed=0):
        show(event, console)
    return console.file.getvalue()


def test_a_person_sees_before_feedback_refusal_score_and_after(suggests) -> None:
    code = "def strange_sort_list(lst):\n    return [min(lst)][:0]  # [bold]odd[/]"
    answers = [suggests({"__code0": text}) for text in (code, "x = (", code, code)]
    text = seen(ScriptedLLM(answers * 10), "repair")
    assert "return sorted(lst)" in text
    assert ">>> strange_sort_list([3, 1, 2])" in text
    assert "but it returned [1, 2, 3]" in text
    assert "refused: __code0: it is no Python" in text
    assert "draft, score 0" in text
    assert "[bold]odd[/]" in text
    assert "nothing better" in text
    assert "not solved: 10 steps, 40 drafts" in text
    assert "held-out cases" in text


def test_a_change_of_a_value_is_one_line(suggests) -> None:
    text = seen(ScriptedLLM([suggests({"colour0": "red"}, why="a tomato is red")]), "choice")
    assert "draft, score 1: colour0 = 'red'" in text
    assert "reasoning: a tomato is red" in text
    assert "solved: 1 steps, 1 drafts" in text
