"""Threads, tasks and processes of a program belong to the run that it is in."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from opto.errors import (
    ArgumentError,
    StoreError,
)
from opto.llm import DummyLLM, ScriptedLLM
from opto.trace import carried
from tests.support.runs import kinds, numbered

# ----------------------------------------------------- threads, tasks, processes


def test_threads_of_the_program_are_within_the_run(begin):
    model = numbered()
    with begin() as r, ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: model("draw").text, range(20)))
    assert r.asked == 20
    with begin() as r, ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: model("draw").text, range(20)))
    assert (r.asked, sorted(again)) == (0, sorted(drawn))


def test_two_runs_in_two_threads_are_two(journal, begin):
    def go(name):
        with begin(name):
            return [DummyLLM(lambda messages: name)("?").text for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(go, ["a", "b"])) == [["a"] * 5, ["b"] * 5]
    for name in ("a", "b"):
        assert kinds(journal, run=name).count("reply") == 5


def test_a_thread_that_could_belong_to_two_runs_is_told_what_to_do(begin):
    model = ScriptedLLM(["a", "b"])

    async def both():
        first, second = asyncio.Event(), asyncio.Event()

        async def one():
            with begin("one"):
                first.set()
                await second.wait()

        async def two():
            await first.wait()
            with begin("two"), ThreadPoolExecutor(1) as pool:
                with pytest.raises(ArgumentError, match=r"several runs .*carried"):
                    pool.submit(model, "?").result()
                assert pool.submit(carried(model), "?").result().text == "a"
            second.set()

        await asyncio.gather(one(), two())

    asyncio.run(both())


def in_a_child(_):
    return model_of_children("draw").text


def say_pid(messages):
    return f"{os.getpid()}"


model_of_children = DummyLLM(say_pid)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_are_within_the_run(begin):
    fork = multiprocessing.get_context("fork")
    with begin(), ProcessPoolExecutor(2, mp_context=fork) as pool:
        drawn = sorted(pool.map(in_a_child, range(6)))
    assert str(os.getpid()) not in drawn
    with begin(), ProcessPoolExecutor(2, mp_context=fork) as pool:
        assert sorted(pool.map(in_a_child, range(6))) == drawn


def joined(r):
    with r:
        return [model_of_children("draw").text for _ in range(3)]


def test_a_spawned_process_joins_the_run_that_is_sent_to_it(begin, journal):
    spawn = multiprocessing.get_context("spawn")
    with begin() as r, ProcessPoolExecutor(1, mp_context=spawn) as pool:
        drawn = [text for texts in pool.map(joined, [r, r]) for text in texts]
    assert str(os.getpid()) not in drawn
    with begin() as again:
        assert [model_of_children("draw").text for _ in range(6)] == drawn
    assert again.attempt == 2
    assert kinds(journal).count("run") == 4  # joining is no beginning


def test_one_process_at_a_time_is_in_a_run(begin, opened):
    with begin():
        with pytest.raises(StoreError, match="the run 'r' is under way, here"):
            begin(journal=opened()).__enter__()
        with begin("s"):
            pass
    with begin(journal=opened()):
        pass


def test_a_killed_process_does_not_keep_its_run(path, begin):
    script = (
        "import sys, os, opto\n"
        f"with opto.run('r', journal={str(path)!r}):\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with begin() as r:
        assert r.attempt == 2


def test_a_run_is_entered_once_and_may_be_entered_again(begin):
    r = begin()
    with r, pytest.raises(StoreError, match="entered already"):
        r.__enter__()
    with r:
        assert r.attempt == 2
