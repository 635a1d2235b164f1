from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import ModelUnavailable
from opto.store.flight import Flights


class Gate:
    """Work that says when it has begun, and waits until it may end."""

    def __init__(self, result):
        self.result, self.begun, self.may_end, self.times = (
            result, threading.Event(), threading.Event(), 0,
        )  # fmt: skip

    def __call__(self):
        self.times += 1
        self.begun.set()
        self.may_end.wait(10)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def together(flights, work):
    """The outcomes of three threads, of which two come while the first is at work."""
    with ThreadPoolExecutor(3) as pool:
        outcomes = [pool.submit(flights.shared, "k", work)]
        work.begun.wait(10)
        outcomes += [pool.submit(flights.shared, "k", work) for _ in range(2)]
        work.may_end.set()
    return outcomes


def test_one_works_and_the_others_get_what_it_found():
    outcomes = together(Flights(), gate := Gate("found"))
    assert [outcome.result() for outcome in outcomes] == ["found"] * 3
    assert gate.times <= 3


def test_the_model_s_failure_is_everybody_s_and_each_has_its_own_copy():
    outcomes = together(Flights(), Gate(ModelUnavailable("busy")))
    errors = [outcome.exception() for outcome in outcomes]
    assert {(type(error), str(error)) for error in errors} == {(ModelUnavailable, "busy")}


def test_afterwards_it_is_done_anew():
    flights, results = Flights(), iter([1, 2])
    assert [flights.shared("k", lambda: next(results)) for _ in range(2)] == [1, 2]


def test_other_keys_are_other_work():
    flights = Flights()
    assert flights.shared("a", lambda: flights.shared("b", lambda: 1) + 1) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_waits_for_no_thread_of_its_parent():
    flights, gate = Flights(), Gate(1)
    thread = threading.Thread(target=flights.shared, args=("k", gate))
    thread.start()
    gate.begun.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os._exit(flights.shared("k", lambda: 7))
    gate.may_end.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_failure_that_cannot_be_copied_is_told_as_it_is():
    class Odd(ModelUnavailable):
        def __init__(self, one, two):
            super().__init__(f"{one} {two}")

    outcomes = together(Flights(), Gate(Odd("so", "so")))
    assert {str(outcome.exception()) for outcome in outcomes} == {"so so"}
