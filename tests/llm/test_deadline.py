from __future__ import annotations

import threading
import time
from contextvars import ContextVar

import pytest

from opto.llm.deadline import within

WHO = ContextVar("who", default="nobody")


def test_a_result_in_time_is_the_result():
    assert within(5, lambda: 42) == 42


def test_no_limit_needs_no_thread():
    assert within(None, threading.current_thread) is threading.current_thread()


def test_an_exception_is_the_callers():
    error = LookupError("mine")

    def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        within(5, fail)
    assert caught.value is error


def test_time_that_is_up_is_up():
    release = threading.Event()
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no complete answer within 0\.1 s"):
        within(0.1, lambda: release.wait(30))
    assert time.monotonic() - start < 2
    release.set()


def test_context_variables_go_along():
    WHO.set("me")
    assert within(5, WHO.get) == "me"
