"""Calls of foreign code within an event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from opto.sandbox.engine import CPython
from opto.sandbox.policy import Policy
from opto.sandbox.task import Task


@pytest.fixture(scope="module")
def engine():
    engine = CPython()
    yield engine
    engine.stop()


def test_in_an_event_loop_others_go_on_and_host_functions_are_awaited(engine):
    task = asyncio.current_task
    seen = []

    async def ask(x):
        await asyncio.sleep(0.01)
        seen.append(task())
        return x + 1

    def double(x):
        seen.append(task())
        return 2 * x

    policy = Policy(level="process", host={"ask": ask, "double": double})
    text = "async def f(x): return double(await ask(x))"

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        slow = Task("import time\ndef f(x):\n time.sleep(0.3)\n return x", "f", (7,))
        outcomes = await asyncio.gather(
            engine.call_async(Task(text, "f", (1,)), policy),
            *[engine.call_async(slow, policy) for _ in range(8)],
        )
        mine = await engine.call_async(Task(text, "f", (2,)), policy)
        assert seen[-1] is task()
        ticking.cancel()
        assert ticks > 5
        return [o.value for o in (*outcomes, mine)]

    engine.start(policy)
    began = time.monotonic()
    assert asyncio.run(main()) == [4, *[7] * 8, 6]
    assert time.monotonic() - began < 8 * 0.3, "they waited for one another"


def test_cancelling_the_task_kills_the_code(engine):
    policy = Policy(level="process", time=30)

    async def main():
        call = engine.call_async(Task("def f():\n while True: pass", "f"), policy)
        running = asyncio.create_task(call)
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    began = time.monotonic()
    asyncio.run(main())
    while any(t.name == "opto-sandbox" for t in threading.enumerate()):
        assert time.monotonic() - began < 5
        time.sleep(0.01)
