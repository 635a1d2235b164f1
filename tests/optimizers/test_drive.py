import asyncio

import pytest

from opto.llm import Reply, Request
from opto.optimizers.drive import drive, drive_async

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
