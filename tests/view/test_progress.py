"""The line in a real terminal, and what is there where there is none."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import re
import select
import subprocess
import sys
import threading
import time

import pytest

from opto.errors import ModelUnavailable
from opto.llm import FREE, LLM, Budget, Budgeted, OpenAILLM, Price, Reply, ScriptedLLM, Usage
from opto.store import run
from opto.view import progress
from opto.view.tally import Counts
from tests.support.openai_server import fails, says

PROGRAM = """
import sys, time, logging
from opto.llm import Price, Reply, ScriptedLLM, Usage
from opto.view import progress
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s|%(message)s")
model = ScriptedLLM([Reply("ok", usage=Usage(1000, 234))] * 6)
with progress(total=3, what="epochs", prices={"tiny": Price(2.0, 2.0)}) as outer:
    for number in range(3):
        model("hi", model="tiny")
        print("step", number)
        time.sleep(0.3)
        outer.advance()
"""
NESTED = """
import time
from opto.llm import Reply, ScriptedLLM, Usage
from opto.view import progress
model = ScriptedLLM([Reply("ok", usage=Usage(3, 4))] * 6)
with progress(total=2, what="epochs") as outer:
    for _ in range(2):
        with progress(total=2, what="batches") as inner:
            for _ in range(2):
                model("hi")
                time.sleep(0.15)
                inner.advance()
        outer.advance()
"""
WITHOUT_RICH = "import sys; sys.modules['rich'] = None\n"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def environment(**more):
    clean = {n: v for n, v in os.environ.items() if n not in {"CI", "NO_COLOR", "COLUMNS"}}
    return clean | {"TERM": "xterm-256color", **more}


def in_terminal(program, **more):
    """What a program writes to a terminal of 120 columns, and what it prints to a pipe."""
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(**{"COLUMNS": "120", **more}),
        text=True,
    )
    os.close(theirs)
    shown = b""
    while select.select([mine], [], [], 30)[0]:
        try:
            piece = os.read(mine, 65536)
        except OSError:  # the terminal was closed at the other end
            break
        if not piece:
            break
        shown += piece
    os.close(mine)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0, shown.decode()
    return shown.decode(), printed


def in_pipes(program, **more):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        env=environment(**more),
        check=True,
    )
    return done.stderr, done.stdout


def plain(shown):
    """The text of a terminal's output, without what moves and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


LAST = "3/3 · 3 calls · 3,702 tokens · $0.0074"


def test_a_terminal_has_a_line_that_moves_and_stays():
    shown, printed = in_terminal(PROGRAM)
    lines = plain(shown).replace("\r", "\n").split("\n")
    last = [line for line in lines if line.strip()][-1]
    assert "epochs" in last
    assert LAST in last
    assert "· in 0:00:0" in last
    assert any(re.search(r"1/3 .* · 0:00:0\d left", line) for line in lines)
    assert any("1/3" in line for line in lines)
    assert "\x1b[2K" in shown  # a line is drawn over
    assert COLOUR.search(shown)
    assert printed == "step 0\nstep 1\nstep 2\n"
    assert "opto.progress" not in shown


def test_no_color_is_respected():
    shown, _ = in_terminal(PROGRAM, NO_COLOR="1")
    assert LAST in plain(shown)
    assert not COLOUR.search(shown)


def test_one_within_another_is_a_second_line():
    shown, _ = in_terminal(NESTED)
    lines = [line for line in plain(shown).replace("\r", "\n").split("\n") if line.strip()]
    assert "epochs" in lines[-1]
    assert "2/2 · 4 calls · 28 tokens · cost unknown" in lines[-1]
    under_way = [number for number, line in enumerate(lines) if "batches" in line]
    assert any("1/2 · 2 calls · 14 tokens" in lines[number] for number in under_way)
    assert all("epochs" in lines[number - 1] for number in under_way)


def without_a_line(shown):
    assert "\x1b" not in shown
    [said] = [line for line in shown.split("\n") if line.startswith("opto.progress|")]
    assert said.startswith(f"opto.progress|epochs: {LAST}")


@pytest.mark.parametrize(
    ("program", "more"),
    [
        (PROGRAM, {"TERM": "dumb"}),
        (PROGRAM, {"CI": "true"}),
        (WITHOUT_RICH + PROGRAM, {}),
    ],
    ids=["a dumb terminal", "CI", "no rich"],
)
def test_it_steps_aside_in_a_terminal(program, more):
    shown, printed = in_terminal(program, **more)
    without_a_line(shown.replace("\r", ""))
    assert printed == "step 0\nstep 1\nstep 2\n"


def test_it_steps_aside_in_a_pipe():
    shown, printed = in_pipes(PROGRAM)
    without_a_line(shown)
    assert printed == "step 0\nstep 1\nstep 2\n"
    # Who forces colours into a pipe has not asked for a line that moves.
    without_a_line(in_pipes(PROGRAM, FORCE_COLOR="1")[0])


def test_ci_that_is_switched_off_is_no_ci():
    assert COLOUR.search(in_terminal(PROGRAM, CI="false")[0])


def test_it_steps_aside_in_a_notebook(monkeypatch):
    class Shell:
        kernel = object()

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    shows = sys.modules["opto.view.progress"]._shows
    assert shows()
    ipython = type(sys)("IPython")
    ipython.get_ipython = Shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not shows()
    ipython.get_ipython = lambda: None
    assert shows()


def test_nothing_is_loaded_where_there_is_no_terminal():
    program = PROGRAM + "\nsys.exit(' '.join({'rich', 'asyncio'} & set(sys.modules)) or 0)"
    in_pipes(program)


def test_it_counts_the_calls_of_all_threads_and_tasks(server):
    server.otherwise = says("ok", usage=(5, 3))
    model = OpenAILLM("tiny", base_url=server.url)

    async def ask_all():
        await asyncio.gather(*(model.create_async(messages=f"{n}") for n in range(8)))

    with progress(total=1) as shown:
        threads = [threading.Thread(target=model, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(ask_all())
        with model.stream("hi") as stream:
            list(stream)
    assert (shown.counts.calls, shown.counts.tokens) == (17, 17 * 8)
    model("after it")
    assert shown.counts.calls == 17


def test_it_counts_what_a_run_recalls(server, tmp_path):
    def work():
        with run("r", journal=tmp_path / "j", seed=1) as one, progress() as shown:
            model = OpenAILLM("tiny", base_url=server.url)
            [model(text) for text in ("one", "two")]
        one.journal.close()
        return shown.counts

    assert (work().recalled, work().recalled) == (0, 2)
    assert len(server.requests) == 2


def test_it_counts_what_a_cache_answers(server, tmp_path):
    model = LLM("tiny", backend="OpenAI", base_url=server.url, cache=True, journal=tmp_path / "j")
    with progress() as shown:
        [model("hi") for _ in range(3)]
    assert (shown.counts.calls, shown.counts.recalled, shown.counts.tokens) == (3, 2, 18)
    model.journal.close()


def test_prices_are_those_given_then_those_of_the_budget():
    reply = Reply("ok", usage=Usage(500_000, 500_000))
    model = ScriptedLLM([reply] * 9)
    paid = Budgeted(model, Budget(usd=100.0), prices={"m": Price(1.0, 1.0)}, longest=9)

    def cost(model, **how):
        with progress(**how) as shown:
            model("hi", model="m")
        return shown.counts

    assert cost(model).unpriced == 1
    assert cost(paid).usd == 1.0
    assert cost(paid, prices={"m": Price(3.0, 3.0)}).usd == 3.0
    free = cost(model, prices={"m": FREE})
    assert (free.usd, free.unpriced) == (0.0, 0)


def test_failures_are_counted_and_raised(server):
    server.script.append(fails(503))
    model = OpenAILLM("tiny", base_url=server.url, max_retries=0)
    with progress() as shown, pytest.raises(ModelUnavailable):
        model("hi")
    assert (shown.counts.failed, shown.counts.calls) == (1, 0)


def test_long_work_is_mentioned_every_so_often(monkeypatch, caplog):
    monkeypatch.setattr(sys.modules["opto.view.progress"], "EVERY", 0.1)
    model = ScriptedLLM(["ok"] * 99)
    with caplog.at_level(logging.INFO, "opto.progress"), progress(total=6) as shown:
        for _ in range(6):
            model("hi")
            time.sleep(0.06)
            shown.advance()
    messages = [record.getMessage() for record in caplog.records]
    assert 3 <= len(messages) <= 7
    assert messages[-1].startswith("steps: 6/6 · 6 calls · tokens unknown · cost unknown")
    assert {record.name for record in caplog.records} == {"opto.progress"}


def test_it_can_be_entered_again():
    shown = progress(total=2)
    for _ in range(2):
        with shown:
            ScriptedLLM(["ok"])("hi")
            shown.advance()
        assert shown.counts == Counts(1, 1, uncounted=1, unpriced=1)
