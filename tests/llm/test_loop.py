from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from contextvars import ContextVar

import pytest

from opto.errors import ArgumentError
from opto.llm.live import Live
from opto.llm.loop import Loop, here
from opto.llm.packages import installed
from tests.support.openai_server import OpenAIServer, Turn, keeps_silent

WHO = ContextVar("who", default="nobody")
KEPT = {"Connection": "keep-alive"}
WITH_LITELLM = [
    pytest.mark.litellm,
    pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed"),
]


@pytest.fixture
def loop():
    own = Loop()
    yield own
    own._end()


class Sleeper:
    """A coroutine that sleeps, and notes how it ended."""

    def __init__(self, seconds=30):
        self.seconds = seconds
        self.ended = None

    async def __call__(self):
        try:
            await asyncio.sleep(self.seconds)
        except BaseException as error:
            self.ended = error
            raise


def test_all_errands_of_a_process_run_in_one_thread():
    async def where():
        return threading.current_thread()

    threads = {here().run(where) for _ in range(3)}
    assert len(threads) == 1
    assert threads.pop() is not threading.current_thread()
    assert here() is here()


def test_an_exception_is_the_callers(loop):
    error = LookupError("mine")

    async def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        loop.run(fail)
    assert caught.value is error


def test_context_variables_go_along(loop):
    async def who():
        return WHO.get()

    WHO.set("me")
    assert loop.run(who) == "me"


def test_time_that_is_up_is_up(loop):
    sleeper, start = Sleeper(), time.monotonic()
    with pytest.raises(TimeoutError, match=r"no complete answer within 0\.1 s"):
        loop.run(sleeper, seconds=0.1)
    assert time.monotonic() - start < 2
    assert isinstance(sleeper.ended, asyncio.CancelledError)


def test_a_loop_that_somebody_holds_up_keeps_nobody_for_ever(loop, monkeypatch):
    monkeypatch.setattr("opto.llm.loop.HELD_UP", 0.2)
    release = threading.Event()

    async def hold_up():
        release.wait(20)

    start = time.monotonic()
    with pytest.raises(TimeoutError):
        loop.run(hold_up, seconds=0.1)
    assert time.monotonic() - start < 3
    release.set()


def test_what_nobody_wants_is_cancelled(loop):
    live, sleeper = Live(), Sleeper()
    threading.Timer(0.05, live.cancel).start()
    with pytest.raises(asyncio.CancelledError):
        loop.run(sleeper, live=live)
    assert isinstance(sleeper.ended, asyncio.CancelledError)


def test_what_nobody_wanted_in_the_first_place_is_cancelled_at_once(loop):
    live = Live()
    live.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run(Sleeper(), live=live)


def test_many_threads_may_wait_at_once(loop):
    async def late():
        await asyncio.sleep(0.2)

    threads = [threading.Thread(target=loop.run, args=(late,)) for _ in range(100)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start < 5


def test_an_errand_cannot_wait_for_another(loop):
    async def deadlock():
        return loop.run(Sleeper(0))

    with pytest.raises(ArgumentError, match="thread of its own"):
        loop.run(deadlock)


class Client:
    def __init__(self):
        self.closed = threading.Event()

    async def close(self):
        self.closed.set()


def test_a_client_is_closed_when_its_owner_is_gone(loop):
    class Owner:
        pass

    loop.run(Sleeper(0))
    client, owner = Client(), Owner()
    loop.adopt(client.close, owner)
    gc.collect()
    assert not client.closed.wait(0.05)
    del owner
    gc.collect()
    assert client.closed.wait(3)


def test_the_end_cancels_and_closes_and_a_later_errand_begins_anew(loop):
    sleeper, client = Sleeper(), Client()
    thread = threading.Thread(target=loop.run, args=(sleeper,), daemon=True)
    thread.start()
    loop.adopt(client.close)
    time.sleep(0.1)
    loop._end()
    assert client.closed.is_set()
    assert isinstance(sleeper.ended, asyncio.CancelledError)
    assert loop.run(lambda: asyncio.sleep(0, "again")) == "again"


PROGRAM = """
import os, sys, threading, time
from opto.llm import {backend}
def until(number):
    while not os.path.exists(os.path.join(os.environ["ASKED"], number)):
        time.sleep(0.01)
model = {backend}("{name}", {where}=os.environ["SERVER"], api_key="sk-any", timeout=30)
assert model("hi").text == "ok"
threading.Thread(target=model, args=("wait",), daemon=True).start()
until("1")
if "async" in sys.argv:
    import asyncio
    async def main():
        asked = asyncio.ensure_future(model.create_async(messages="wait"))
        await asyncio.to_thread(until, "2")
        sys.exit(0)
    asyncio.run(main())
"""


OPENAI, LITELLM = ("OpenAILLM", "tiny", "base_url"), ("LiteLLM", "openai/tiny", "api_base")


@pytest.mark.parametrize(
    ("client", "way"),
    [
        (OPENAI, "sync"),
        (OPENAI, "async"),
        # The async program has a thread that waits, too; each imports LiteLLM for five seconds.
        pytest.param(LITELLM, "sync", marks=[*WITH_LITELLM, pytest.mark.slow]),
        pytest.param(LITELLM, "async", marks=WITH_LITELLM),
    ],
    ids=["OpenAI-sync", "OpenAI-async", "LiteLLM-sync", "LiteLLM-async"],
)
def test_a_program_ends_at_once_and_quietly(client, way, tmp_path):
    backend, name, where = client
    program = PROGRAM.format(backend=backend, name=name, where=where)

    def answer(asked):
        if asked.body["messages"][0]["content"] == "wait":
            (tmp_path / f"{len(server.requests) - 1}").touch()
            return keeps_silent(600)
        return Turn("ok", headers=KEPT)  # so that a connection stays in the client's pool

    warn = [] if backend == "LiteLLM" else ["-W", "error"]
    with OpenAIServer(otherwise=answer) as server:
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, *warn, "-c", program, way],
            env={**os.environ, "SERVER": server.url, "ASKED": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert server.leaves(2 if way == "async" else 1)
        assert time.monotonic() - start < 300  # and not until the answer comes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_fork_has_a_loop_and_connections_of_its_own(connect, server):
    server.otherwise = lambda asked: Turn(asked.body["messages"][0]["content"], headers=KEPT)
    model = connect()
    assert model("parent").text == "parent"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from 3.12 on
        child = os.fork()
    if child == 0:  # pragma: no cover - no test runs here
        try:
            said = {model(f"child {n}").text for n in range(3)}
            os._exit(0 if said == {"child 0", "child 1", "child 2"} else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert [model(f"parent {n}").text for n in range(3)] == ["parent 0", "parent 1", "parent 2"]
