import asyncio
import contextvars
import threading
import time

import pytest

from opto.llm import Reply, Request
from opto.optimizers.drive import Work, drive, drive_async

ONE, TWO = Request.of("one"), Request.of("two")


def plan(log):
    try:
        (first,) = yield (ONE,)
        second, third = yield ONE, TWO
        return first.text + second.text + third.text
    finally:
        log.append("closed")


def echo(requests):
    return tuple(Reply(request.messages[0]["content"]) for request in requests)


def test_questions_and_answers_go_back_and_forth():
    assert drive(plan([]), echo) == "oneonetwo"


def test_the_same_plan_runs_with_an_event_loop():
    async def answer(requests):
        return echo(requests)

    assert asyncio.run(drive_async(plan([]), answer)) == "oneonetwo"


def test_a_plan_without_questions_has_a_result():
    def quiet():
        return 5
        yield ()

    assert drive(quiet(), echo) == 5


def test_what_an_answer_raises_passes_through_and_closes_the_plan():
    log = []

    def fail(requests):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        drive(plan(log), fail)
    assert log == ["closed"]


def test_so_it_does_with_an_event_loop():
    log = []

    async def fail(requests):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        asyncio.run(drive_async(plan(log), fail))
    assert log == ["closed"]


def test_a_callable_that_has_nothing_left_does_not_end_the_plan():
    """`next` of an iterator raises what also ends a generator."""
    answers = iter([])
    with pytest.raises(StopIteration):
        drive(plan([]), lambda requests: next(answers))


def working(run, log):
    try:
        (first,) = yield (ONE,)
        return first.text, (yield from Work(run).result())
    finally:
        log.append("closed")


async def echo_async(requests):
    return echo(requests)


HERE = contextvars.ContextVar("HERE")


def test_work_runs_where_the_plan_is_driven():
    log = []
    assert drive(working(threading.current_thread, log), echo) == (
        "one",
        threading.current_thread(),
    )
    assert log == ["closed"]


def test_with_an_event_loop_work_runs_in_a_thread_with_the_context_of_the_caller():
    ticks = []

    async def tick():
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def main():
        HERE.set("caller")
        ticking = asyncio.create_task(tick())
        done = await drive_async(working(run, []), echo_async)
        ticking.cancel()
        return done

    def run():
        begun = len(ticks)
        time.sleep(0.2)
        return HERE.get(), threading.current_thread(), len(ticks) - begun

    _, (said, thread, ticked) = asyncio.run(main())
    assert said == "caller"
    assert thread is not threading.current_thread()
    assert ticked >= 3  # the loop went on meanwhile


@pytest.mark.parametrize("way", ["drive", "drive_async"])
def test_what_work_raises_ends_the_plan(way):
    log = []

    def run():
        raise OSError("gone")

    def driven():
        if way == "drive":
            return drive(working(run, log), echo)
        return asyncio.run(drive_async(working(run, log), echo_async))

    with pytest.raises(OSError, match="gone"):
        driven()
    assert log == ["closed"]


@pytest.mark.parametrize("fails", [False, True])
def test_work_comes_to_its_end_before_its_task_is_cancelled(fails):
    log, begun = [], threading.Event()

    def run():
        begun.set()
        time.sleep(0.1)
        log.append("done")
        if fails:
            raise OSError("gone")

    async def main():
        task = asyncio.create_task(drive_async(working(run, log), echo_async))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["done", "closed"]
