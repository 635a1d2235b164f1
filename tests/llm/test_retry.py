from __future__ import annotations

import logging
import time

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm.failures import Failure
from opto.llm.retry import Retry


class Flaky:
    """Fails as often as it is told, and notes when it was called."""

    def __init__(self, failures, wait=None, transient=True):
        self.left = failures
        self.times = []
        self.failure = Failure(transient, "it is flaky", "said", wait)

    def __call__(self):
        self.times.append(time.monotonic())
        self.left -= 1
        if self.left >= 0:
            raise OSError(len(self.times))
        return "done"

    def run(self, retry):
        return retry.run(self, judge=lambda error: self.failure, who="m")

    @property
    def waits(self):
        return [b - a for a, b in zip(self.times, self.times[1:], strict=False)]


def test_it_goes_on_until_it_works():
    flaky = Flaky(3)
    assert flaky.run(Retry(max_retries=3, base_delay=0.001)) == "done"
    assert len(flaky.times) == 4


def test_it_gives_up_with_the_last_error_as_cause():
    flaky = Flaky(9)
    with pytest.raises(ModelUnavailable, match="m did not answer after 3 attempts") as caught:
        flaky.run(Retry(max_retries=2, base_delay=0.001))
    assert caught.value.__cause__.args == (3,)


def test_what_stays_is_not_tried_again():
    flaky = Flaky(9, transient=False)
    with pytest.raises(ModelRefused):
        flaky.run(Retry())
    assert len(flaky.times) == 1


def test_the_waits_grow_up_to_a_limit():
    flaky = Flaky(8)
    flaky.run(Retry(base_delay=0.02, max_delay=0.08))
    lower = [0.02, 0.04, *[0.08] * 6]
    assert all(wait >= least for wait, least in zip(flaky.waits, lower, strict=True))
    assert sum(flaky.waits) < 2  # without the limit it were more than 5


def test_the_waits_differ_from_run_to_run():
    first = []
    for _ in range(8):
        flaky = Flaky(1)
        flaky.run(Retry(base_delay=0.02))
        first.append(round(flaky.waits[0], 3))
    assert len(set(first)) > 1


def test_the_wait_that_is_asked_for_counts_more():
    flaky = Flaky(1, wait=0.2)
    flaky.run(Retry(base_delay=0.001))
    assert 0.2 <= flaky.waits[0] < 0.4
    flaky = Flaky(1, wait=0.0)
    flaky.run(Retry(base_delay=0.01))
    assert flaky.waits[0] < 0.1


def test_patience_ends_it_before_a_wait_that_is_too_long():
    flaky = Flaky(9, wait=60)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="it asks to wait 60 s"):
        flaky.run(Retry(patience=5))
    assert time.monotonic() - start < 1
    assert len(flaky.times) == 1


def test_patience_ends_a_long_row_of_attempts():
    flaky = Flaky(1000)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable):
        flaky.run(Retry(max_retries=999, base_delay=0.01, max_delay=0.02, patience=0.3))
    assert time.monotonic() - start < 0.6
    assert 3 < len(flaky.times) < 60


def test_an_interrupt_is_not_held_up():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Retry().run(interrupted, judge=lambda error: Failure.of(error), who="m")


def test_a_retry_is_noted_in_the_log(caplog):
    with caplog.at_level(logging.INFO, logger="opto.llm"):
        Flaky(1).run(Retry(base_delay=0.001))
    assert caplog.messages == ["m: it is flaky; attempt 2 follows in 0.0 s"]
