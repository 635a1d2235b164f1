from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.llm import Reply, Usage
from opto.view.tally import Counts, Tally

COUNTED = Reply("ok", usage=Usage(5, 3))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(), "0 calls · 0 tokens · $0.0000"),
        (Counts(calls=1, tokens=1, usd=12.345), "1 call · 1 tokens · $12.35"),
        (Counts(calls=3, recalled=3), "3 calls (3 from the record) · 0 tokens · $0.0000"),
        (Counts(calls=2, unpriced=1, usd=0.5), "2 calls · 0 tokens · $0.5000 and unknown"),
        (Counts(calls=3, recalled=1, unpriced=2), "3 calls (1 from the record) · 0 tokens · cost"),
        (Counts(calls=2, uncounted=2), "2 calls · tokens unknown · $0.0000"),
        (Counts(calls=2, uncounted=1, tokens=7), "2 calls · 7 tokens and unknown · $0.0000"),
        (Counts(failed=2), "0 calls, 2 failed · 0 tokens · $0.0000"),
    ],
)
def test_counts_in_words_never_call_the_unknown_zero(counts, said):
    assert str(counts).startswith(said)


def test_what_is_recalled_costs_nothing():
    tally = Tally()
    tally.answered(Reply("ok", usage=Usage(5, 3), recalled=True), None)
    assert tally.counts == Counts(calls=1, recalled=1)
    tally.answered(COUNTED, 0.25)
    tally.answered(Reply("ok"), None)
    tally.failed()
    assert tally.counts == Counts(0, 3, 1, 1, 8, 1, 0.25, 1)


def test_threads_count_together():
    tally = Tally()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: (tally.answered(COUNTED, 0.5), tally.advance(1)), range(800)))
    counts = tally.counts
    assert (counts.calls, counts.tokens, counts.usd, counts.done) == (800, 6400, 400.0, 800)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_time_left_is_known_after_a_step_and_where_there_is_a_total():
    clock = Clock()
    tally, endless = Tally(10, clock=clock), Tally(clock=clock)
    assert tally.left() is None
    clock.now = 3.0
    tally.advance(1)
    endless.advance(1)
    assert (tally.left(), endless.left()) == (27.0, None)
    clock.now = 5.0
    assert tally.left() == 25.0
    clock.now = 100.0
    assert tally.left() == 0.0


def test_the_last_steps_say_how_fast_it_goes():
    clock = Clock()
    tally = Tally(200, clock=clock)
    tally.advance(100)  # out of the record, in no time
    for _ in range(30):
        clock.now += 2.0
        tally.advance(1)
    assert tally.left() == pytest.approx(140.0)
