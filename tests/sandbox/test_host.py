"""Whatever a child says or does, the host comes to an outcome of its own."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import SandboxUnavailable
from opto.sandbox.channel import Channel, Lost
from opto.sandbox.host import Conversation
from opto.sandbox.outcome import Outcome
from opto.sandbox.policy import Policy
from opto.sandbox.task import Task
from opto.sandbox.worker.codec import Limits, encode
from opto.sandbox.worker.frames import (
    BROKEN,
    CALL,
    ERROR,
    HEADER,
    REFUSED,
    STARTED,
    VALUE,
    End,
    Incoming,
    TooLong,
    packed,
    receive,
)
from opto.sandbox.worker.report import REPORT

LIMITS = Limits.of(1 << 16)
STATUSES = {"ok", "error", "timeout", "memory", "died", "refused", "limit", "garbage"}
START = packed(STARTED)
ENDED = REPORT.pack(0, 1000, 0.0, 0.0)


class Child:
    """The other end of a channel, in the hands of a test."""

    def __init__(self):
        self.talk, talk = socket.socketpair()
        self.leash, leash = socket.socketpair()
        self.printed, printed = socket.socketpair()
        self.channel = Channel(talk, printed, leash)

    def ends(self, report=ENDED):
        with suppress(OSError):
            self.leash.send(report)
        self.talk.close()

    def close(self):
        self.talk.close()
        self.leash.close()
        self.printed.close()
        self.channel.close()


@pytest.fixture
def child():
    child = Child()
    yield child
    child.close()


def conversation(child, policy=None, granted=None, sent=()):
    return Conversation(
        child.channel,
        sent,
        Task("def f():\n    pass\n", "f"),
        policy or Policy(time=5, total=5, result=1 << 16),
        granted or {},
        lambda function, args, kwargs: function(*args, **kwargs),
        "process",
    )


def said(*parts, **options):
    """The outcome where a child says something, and its process ends."""
    child = Child()
    try:
        child.talk.sendall(b"".join(parts))
        child.ends()
        return conversation(child, **options).held()
    finally:
        child.close()


def body(value):
    return encode(value, LIMITS)


GOOD = {"error": "E", "message": "m", "lines": [1], "memory": False, "limit": False}


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([START, ENDED, packed(VALUE, body((False, 1)))])
    )
)
def test_any_bytes_come_to_an_outcome(parts):
    try:
        outcome = said(*parts)
    except (Lost, SandboxUnavailable):
        assert not b"".join(parts).startswith(START)
    else:
        assert outcome.status in STATUSES
        assert isinstance(outcome, Outcome)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.just("error"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.sampled_from([VALUE, CALL, ERROR, REFUSED, STARTED, BROKEN]), values)
def test_any_words_come_to_an_outcome(kind, value):
    outcome = said(START, packed(kind, body(value)), granted={"": print})
    assert outcome.status in STATUSES
    assert outcome.status != "timeout"
    assert all(type(line) is int for line in outcome.lines)


@given(st.dictionaries(st.sampled_from([*GOOD]), values))
def test_an_error_of_any_form_comes_to_an_outcome(changed):
    outcome = said(START, packed(ERROR, body({**GOOD, **changed})))
    assert outcome.status in {"error", "memory", "limit", "garbage"}


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (packed(VALUE, body((False, [1]))), "ok", ""),
        (packed(VALUE, b""), "garbage", "bytes are missing"),
        (packed(VALUE, body((1, 2))), "garbage", "wrong form"),
        (packed(VALUE, body((False, 1)) + b"x"), "garbage", "too many"),
        (packed(ERROR, body(GOOD)), "error", "m"),
        (packed(ERROR, body({**GOOD, "memory": True})), "memory", "at line 1"),
        (packed(ERROR, body({**GOOD, "lines": [9, True, 2]})), "error", "m"),
        (packed(REFUSED, body(("limit", "too much"))), "limit", "too much"),
        (packed(REFUSED, body(("timeout", "spoofed"))), "garbage", "wrong form"),
        (packed(REFUSED, body(("ok", 1))), "garbage", "wrong form"),
        (packed(CALL, body(("shell", (), {}))), "garbage", "not granted"),
        (packed(CALL, body(("f", [], {}))), "garbage", "wrong form"),
        (packed(CALL, body(("f", (), {1: 2}))), "garbage", "wrong form"),
        (packed(STARTED), "garbage", "out of place"),
        (packed(b"Q"), "garbage", "no frame"),
        (b"\x80\x04cos\nsystem\n(S'id'\ntR.", "garbage", "no frame"),
        (HEADER.pack(VALUE, 1 << 30), "limit", "returned too much: 1073741824 bytes"),
        (HEADER.pack(CALL, 1 << 30), "limit", "said too much"),
        (HEADER.pack(VALUE, 100) + b"half", "died", "exit code 0"),
        (b"", "died", "exit code 0"),
    ],
)
def test_words_are_held_to_their_form(words, status, message):
    outcome = said(START, words)
    assert (outcome.status, message in outcome.message) == (status, True), outcome


def test_lines_are_those_that_the_text_has():
    changed = {**GOOD, "lines": [0, 1, 2, 3, 4, -1, True, "x"], "error": "E\x1b[31m; rm"}
    outcome = said(START, packed(ERROR, body(changed)))
    assert (outcome.lines, outcome.error) == ((1, 2, 3), "E31mrm")


def test_before_the_code_begins_it_is_the_workers_fault():
    with pytest.raises(SandboxUnavailable, match="seccomp"):
        said(packed(BROKEN, body("no seccomp")))
    with pytest.raises(Lost):
        said(b"")
    with pytest.raises(Lost):
        said(packed(VALUE, body((False, 1))))


@pytest.mark.parametrize(
    ("status", "peak", "told"),
    [
        (-9, 1000, ("died", "crashed its process (SIGKILL)")),
        (-9, 900_000, ("memory", "was stopped for want of memory (SIGKILL)")),
        (-11, 900_000, ("died", "crashed its process (SIGSEGV)")),
        (-60, 0, ("died", "crashed its process (60)")),
        (7, 0, ("died", "ended its process itself (exit code 7)")),
    ],
)
def test_how_a_process_ended_is_what_the_worker_saw(child, status, peak, told):
    child.talk.sendall(START)
    child.ends(REPORT.pack(status, peak, 0.0, 0.0))
    outcome = conversation(child).held()
    assert (outcome.status, outcome.message) == told


def test_a_worker_that_is_gone_says_how_far_the_call_was(child):
    child.talk.sendall(START + packed(CALL, body(("f", (), {}))))
    threading.Timer(0.1, lambda: (child.leash.close(), child.talk.close())).start()
    with pytest.raises(Lost) as lost:
        conversation(child, granted={"f": lambda: 1}).held()
    assert (lost.value.began, lost.value.calls) == (True, 1)


def test_a_child_that_closes_its_socket_and_lives_is_let_go(child):
    child.talk.sendall(START)
    child.talk.close()
    outcome = conversation(child).held()
    assert (outcome.status, outcome.message) == (
        "garbage",
        "closed its connection without an answer",
    )
    assert child.leash.recv(1) == b""


def test_an_answer_that_trickles_in_has_a_deadline(child):
    stop = threading.Event()

    def trickle():
        child.talk.sendall(START + HEADER.pack(VALUE, 1000))
        while not stop.wait(0.02):
            with suppress(OSError):
                child.talk.send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    began = time.monotonic()
    outcome = conversation(child, Policy(time=0.3)).held()
    took = time.monotonic() - began
    stop.set()
    thread.join()
    assert outcome.status == "timeout"
    assert 0.3 <= took < 1.0


def test_a_forged_place_after_the_time_is_over_is_none(child):
    child.talk.sendall(START)

    def forge():
        child.leash.recv(1)
        child.talk.sendall(b'Current thread 0x1:\n  File "<candidate>", line 999 in f\n')

    thread = threading.Thread(target=forge)
    thread.start()
    outcome = conversation(child, Policy(time=0.2)).held()
    thread.join()
    assert (outcome.status, outcome.lines) == ("timeout", ())
    assert outcome.message == "stopped after 0.2 s"


def test_a_child_that_reads_nothing_has_a_deadline(child):
    child.talk.sendall(START)
    outcome = conversation(child, Policy(time=0.2), sent=[b"x" * (8 << 20)]).held()
    assert outcome.status == "timeout"


def test_who_does_not_listen_is_not_answered_again(child):
    """A hundred answers of a megabyte each would else wait in the host's memory."""
    given = []

    def give():
        given.append(1)
        return "x" * (8 << 20)

    child.talk.sendall(START + packed(CALL, body(("give", (), {}))) * 100)
    outcome = conversation(child, granted={"give": give}).held()
    assert (outcome.status, len(given)) == ("garbage", 1)
    assert "before the answer to the last" in outcome.message


def test_what_is_sent_arrives_whole(child):
    sent = packed(b"T", os.urandom(3 << 20))
    got = []

    def read():
        got.append(receive(End.of(child.talk.fileno())))
        child.talk.sendall(START + packed(VALUE, body((False, None))))

    thread = threading.Thread(target=read)
    thread.start()
    assert conversation(child, sent=[sent[:100], sent[100:]]).held().status == "ok"
    thread.join()
    assert got == [(b"T", sent[HEADER.size :])]


def test_a_flood_of_print_is_read_to_its_limit_and_then_closed(child):
    child.talk.sendall(START)
    written = []

    def flood():
        with suppress(OSError):
            while True:
                written.append(child.printed.send(b"x" * 4096))
        child.talk.sendall(packed(VALUE, body((False, None))))

    thread = threading.Thread(target=flood)
    thread.start()
    outcome = conversation(child, Policy(output=10_000)).held()
    thread.join()
    assert (outcome.status, outcome.printed) == ("ok", "x" * 10_000)
    assert sum(written) < 1 << 20


def test_all_descriptors_are_given_back():
    before = psutil.Process().num_fds()
    for _ in range(3):
        said(START, packed(VALUE, body((False, 1))))
        with suppress(Lost):
            said(b"")
    assert psutil.Process().num_fds() == before


@given(st.lists(st.tuples(st.sampled_from([VALUE, ERROR]), st.binary(max_size=20))), st.data())
def test_frames_are_cut_wherever_they_come(frames, data):
    whole = b"".join(packed(*frame) for frame in frames)
    incoming, came = Incoming({VALUE: 20, ERROR: 20}), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        incoming.feed(whole[:size])
        whole = whole[size:]
        while (frame := incoming.next()) is not None:
            came.append(frame)
    assert came == frames


@given(st.integers(0, 300_000), st.lists(st.integers(1, 200_000), min_size=1, max_size=8))
def test_a_long_frame_is_put_together_in_its_place(length, steps):
    body_ = os.urandom(min(length, 100)) * (length // 100 + 1)
    whole = packed(VALUE, body_) + packed(ERROR, b"next")
    incoming, came, at = Incoming({VALUE: 1 << 20, ERROR: 10}), [], 0
    while len(came) < 2:
        step = steps[at % len(steps)]
        space = incoming.space
        if space is None:
            some, whole = whole[: min(step, 65536)], whole[min(step, 65536) :]
            incoming.feed(some)
        else:
            some, whole = whole[: min(step, len(space))], whole[min(step, len(space)) :]
            space[: len(some)] = some
            incoming.took(len(some))
        at += 1
        while (frame := incoming.next()) is not None:
            came.append((frame[0], bytes(frame[1])))
    assert came == [(VALUE, body_), (ERROR, b"next")]


@pytest.mark.parametrize("size", [1, 60_000, 70_000, 900_000])
def test_an_answer_of_any_size_is_read_though_its_process_has_ended(child, size):
    text, limit = "x" * size, Policy(result=1 << 20)

    def answer():
        child.talk.sendall(START + packed(VALUE, encode((False, text), Limits.of(1 << 20))))
        child.ends()

    thread = threading.Thread(target=answer)
    thread.start()
    outcome = conversation(child, limit).held()
    thread.join()
    assert (outcome.status, outcome.value) == ("ok", text)


def test_a_frame_that_is_too_long_is_known_by_its_head():
    incoming = Incoming({VALUE: 20})
    incoming.feed(HEADER.pack(VALUE, 21))
    with pytest.raises(TooLong):
        incoming.next()
