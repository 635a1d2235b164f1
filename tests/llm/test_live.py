from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
from dataclasses import replace

import pytest

from opto.llm import Request
from opto.llm.live import Live, pause


def test_a_wait_ends_when_it_is_cancelled():
    live = Live()
    threading.Timer(0.05, live.cancel).start()
    start = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        pause(live, 30)
    assert time.monotonic() - start < 5


def test_a_wait_that_nobody_cancels_takes_its_time():
    start = time.monotonic()
    pause(Live(), 0.05)
    pause(None, 0.05)
    assert time.monotonic() - start >= 0.1


def test_what_is_cancelled_is_no_exception_that_a_layer_could_swallow():
    live = Live()
    live.check()
    live.cancel()
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - its kind is the point
        live.check()
    assert not isinstance(caught.value, Exception)


def test_calls_are_made_once_and_not_after_their_block():
    live, called = Live(), []
    with live.on_cancel(lambda: called.append("over")):
        pass
    with live.on_cancel(lambda: called.append("under way")):
        live.cancel()
        live.cancel()
    assert called == ["under way"]
    with live.on_cancel(lambda: called.append("late")):
        assert called == ["under way", "late"]


def test_a_call_may_cancel_again():
    live = Live()
    with live.on_cancel(live.cancel):
        live.cancel()
    assert live.cancelled


def test_text_goes_to_whoever_listens():
    heard = []
    live, deaf = Live(heard.append), Live()
    for piece in ("a", "", "bc"):
        live.text(piece)
        deaf.text(piece)
    assert (heard, live.given, deaf.given) == (["a", "bc"], 3, 0)
    assert (live.listens, deaf.listens) == (True, False)


def test_it_is_no_part_of_the_question():
    plain = Request.of("hi", max_tokens=3, top_k=1, sample=2)
    accompanied = replace(plain, live=Live())
    assert accompanied == plain
    assert hash(accompanied) == hash(plain)
    assert accompanied.digest == plain.digest
    assert repr(accompanied) == repr(plain)
    assert accompanied.arguments() == plain.arguments()


def test_it_stays_while_layers_change_the_question_and_travels_nowhere():
    accompanied = replace(Request.of("hi", top_k=1), live=Live())
    assert replace(accompanied, max_tokens=3).live is accompanied.live
    assert accompanied.over({"model": "m", "seed": 3}).live is accompanied.live
    for far in (
        pickle.loads(pickle.dumps(accompanied)),  # noqa: S301 - it is our own
        copy.copy(accompanied),
        copy.deepcopy(accompanied),
    ):
        assert far.live is None
        assert far == accompanied
