"""The questions of one round: at the same time, in order, and one failure for all."""

import asyncio
import signal
import threading
import time
from contextvars import ContextVar

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm import LLM, DummyLLM, Reply, Request
from opto.llm.live import pause
from opto.optimizers.rounds import gathered, together, told_apart

WHO = ContextVar("who", default="nobody")


def questions(count):
    return [Request.of(str(number)) for number in range(count)]


def said(request):
    return request.messages[0]["content"]


class Counting(LLM):
    """A model that knows how many are asking it, and answers later the earlier it was asked."""

    def __init__(self, seconds=0.05, failing=()):
        self.seconds = seconds
        self.failing = dict(failing)
        self.asked, self.cancelled = [], []
        self.here = self.most = 0
        self.lock = threading.Lock()

    def answer(self, request):
        number = said(request)
        with self.lock:
            self.asked.append(number)
            self.here += 1
            self.most = max(self.most, self.here)
        try:
            pause(request.live, self.failing.get(number, self.seconds))
            if number in self.failing:
                raise ModelUnavailable(number)
            return Reply(f"{number} for {WHO.get()}", request=request.digest)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            with self.lock:
                self.here -= 1


def by_threads(model, requests, parallel):
    return together(model.answer, requests, parallel)


def by_tasks(model, requests, parallel):
    return asyncio.run(gathered(model.answer_async, requests, parallel))


WAYS = pytest.mark.parametrize("ask", [by_threads, by_tasks])


@WAYS
def test_the_replies_come_in_the_order_of_the_questions(ask):
    model = DummyLLM(lambda messages, **_: slow_echo(messages[0]["content"]))

    def slow_echo(text):
        time.sleep(0.05 * (5 - int(text)))
        return text

    assert [reply.text for reply in ask(model, questions(5), 5)] == list("01234")


@WAYS
@pytest.mark.parametrize("parallel", [1, 3, 100])
def test_no_more_than_so_many_are_asked_at_a_time(ask, parallel):
    model = Counting()
    assert len(ask(model, questions(7), parallel)) == 7
    assert model.most == min(parallel, 7)
    assert sorted(model.asked) == list("0123456")


@WAYS
def test_each_question_has_a_copy_of_the_context(ask):
    token = WHO.set("me")
    try:
        replies = ask(Counting(), questions(3), 3)
    finally:
        WHO.reset(token)
    assert [reply.text for reply in replies] == ["0 for me", "1 for me", "2 for me"]


def test_one_question_starts_no_thread():
    seen = []
    ask = DummyLLM(lambda messages, **_: seen.append(threading.current_thread()) or "ok").answer
    together(ask, questions(1), 8)
    together(ask, questions(3), 1)
    assert set(seen) == {threading.current_thread()}
    assert together(ask, (), 8) == ()


@WAYS
def test_a_failure_ends_the_round_and_what_is_under_way(ask):
    model = Counting(seconds=30, failing={"0": 0.05})
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="0"):
        ask(model, questions(6), 3)
    assert time.monotonic() - start < 10
    assert sorted(model.asked) == ["0", "1", "2"]
    assert sorted(model.cancelled) == ["1", "2"]


@WAYS
def test_the_failure_is_the_one_that_asking_in_turn_would_have_met(ask):
    """Else a run that is resumed could meet another one."""
    model = Counting(seconds=0.01, failing={"1": 0.3, "3": 0.0})
    with pytest.raises(ModelUnavailable, match="1"):
        ask(model, questions(8), 8)
    assert "0" not in model.cancelled


@WAYS
def test_what_does_not_listen_is_left_behind(ask):
    def answer(messages, **_):
        if messages[0]["content"] == "0":
            raise ModelRefused("no")
        time.sleep(8)
        return "late"

    start = time.monotonic()
    with pytest.raises(ModelRefused):
        ask(DummyLLM(answer), questions(2), 2)
    assert time.monotonic() - start < 7


def test_whoever_is_interrupted_cancels_what_is_under_way():
    model = Counting(seconds=30)

    async def main():
        task = asyncio.ensure_future(gathered(model.answer_async, questions(4), 2))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sorted(model.cancelled) == ["0", "1"]


def test_so_does_a_program_that_is_interrupted():
    model = Counting(seconds=30)
    # A signal, as Ctrl-C sends it; `_thread.interrupt_main` wakes no thread that waits.
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        together(model.answer, questions(4), 2)
    assert time.monotonic() - start < 10
    assert sorted(model.cancelled) == sorted(model.asked) == ["0", "1"]


def test_equal_questions_are_samples_of_one():
    a, b = Request.of("a"), Request.of("b")
    third = Request.of("a", sample=2)
    apart = told_apart([a, b, a, third, a])
    assert [(said(r), r.sample) for r in apart] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
        ("a", 2),
        ("a", 3),
    ]
    assert len({request.digest for request in apart}) == 5
    assert told_apart([third]) == (third,)
