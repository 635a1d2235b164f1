"""Threads and processes that ask one question at one time ask it once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import ModelUnavailable
from opto.llm import LLM, DummyLLM, Reply, Request, ScriptedLLM
from opto.store import Claim
from opto.store.owner import Owner
from opto.store.question import key_of
from tests.store.test_recorded import ask, kinds
from tests.support.openai_server import says


class Slow(LLM):
    """Takes its time, and counts."""

    def __init__(self, seconds=0.1):
        self.seconds = seconds
        self.asked = 0

    def answer(self, request):
        self.asked += 1
        time.sleep(self.seconds)
        return Reply(f"{request.messages[0]['content']}, {self.asked}")


def test_threads_that_ask_one_question_ask_it_once(recorded):
    source = Slow()
    model = recorded(source)
    with ThreadPoolExecutor(32) as pool:
        given = list(pool.map(model, ["q"] * 64))
    assert ({reply.text for reply in given}, source.asked) == ({"q, 1"}, 1)
    assert kinds(model.journal) == ["request", "reply"]
    # It was asked, and paid for, in the name of one of them.
    assert [reply.recalled for reply in given].count(False) == 1


def test_layers_over_one_file_ask_one_question_once(recorded):
    source = Slow()
    models = [recorded(source) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        given = {r.text for r in pool.map(lambda n: models[n % 4]("q"), range(32))}
    assert (given, source.asked) == ({"q, 1"}, 1)


def test_a_failure_is_told_to_all_who_wait(recorded):
    started = threading.Event()

    def fail(**_):
        started.set()
        time.sleep(0.2)
        raise ModelUnavailable("busy")

    asked = []
    model = recorded(DummyLLM(lambda **given: asked.append(1) or fail(**given)))

    def outcome(_):
        with pytest.raises(ModelUnavailable, match="busy"):
            model("q")

    with ThreadPoolExecutor(8) as pool:
        pool.submit(outcome, 0)
        started.wait()
        list(pool.map(outcome, range(7)))
    assert len(asked) == 1


def test_an_interrupted_thread_leaves_the_question_to_the_next(recorded):
    turns = iter([KeyboardInterrupt, None])

    def answer(**_):
        time.sleep(0.05)
        if error := next(turns):
            raise error
        return "fine"

    model = recorded(DummyLLM(answer))
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(model, "q") for _ in range(2)]
        failed = [type(o.exception()) for o in outcomes if o.exception()]
        texts = [o.result().text for o in outcomes if not o.exception()]
    assert (failed, texts) == ([KeyboardInterrupt], ["fine"])


ASKER = """
import sys
from opto.llm import OpenAILLM
from opto.store import Recorded
path, url, *questions = sys.argv[1:]
model = Recorded(OpenAILLM("tiny", base_url=url, api_key="sk-any-key"), path, cache=True)
print("ready", flush=True)
sys.stdin.readline()
for question in questions:
    print(model(question).text, flush=True)
"""


def start(path, server, *questions):
    command = [sys.executable, "-c", ASKER, str(path), server.url, *questions]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_ask_one_question_ask_it_once(path, server):
    server.otherwise = says("ok", silence=0.1)
    processes = [start(path, server, "a", "b", "c") for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
    outcomes = [process.communicate() for process in processes]
    assert [out for out, _ in outcomes] == ["ok\nok\nok\n"] * 4
    asked = [request.body["messages"][0]["content"] for request in server.requests]
    assert sorted(asked) == ["a", "b", "c"]


def test_a_killed_process_does_not_keep_others_waiting(path, server, recorded):
    server.script.append(says("never heard", silence=30))
    process = start(path, server, "q")
    process.stdin.write("go\n")
    while not server.requests:
        time.sleep(0.01)
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(recorded(ask(server)), "q")
        time.sleep(0.2)
        assert not waiting.done()
        process.kill()
        process.communicate()
        assert waiting.result().text == "ok"
    assert time.monotonic() - begun < 10
    assert len(server.requests) == 2


def test_a_process_elsewhere_is_waited_for_as_long_as_it_was_said(recorded):
    model = recorded(ScriptedLLM(["fine"]), claim_seconds=0.3)
    request = Request.of("q")
    key = key_of(request, model.source, None)
    model.journal.claim(Claim(key, "elsewhere|1|1|token"), 0.3)
    begun = time.monotonic()
    assert model.answer(request).text == "fine"
    assert time.monotonic() - begun >= 0.25


def test_nobody_waits_for_ever(recorded):
    model = recorded(ScriptedLLM([]), claim_seconds=0.05)
    key = key_of(Request.of("q"), model.source, None)
    model.journal.claim(Claim(key, Owner().name), 60)
    with pytest.raises(ModelUnavailable, match="others have been asking this question"):
        model("q")


def test_a_cancelled_task_that_waits_for_anothers_answer_leaves_no_thread(recorded):
    source = Slow(2.0)
    model = recorded(source)

    async def both():
        first = asyncio.ensure_future(model.answer_async(Request.of("q")))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(model.answer_async(Request.of("q")))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        took = time.monotonic() - begun
        # Its thread is ending, while that of the first works on.
        for _ in range(100):
            await asyncio.sleep(0.01)
            if [t.name for t in threading.enumerate()].count("opto-llm") == 1:
                break
        return took, first.done(), await first

    took, waited, reply = asyncio.run(both())
    assert (took < 0.9, waited) == (True, False)
    assert (reply.text, source.asked) == ("q, 1", 1)
