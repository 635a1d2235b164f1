"""The body of a stream runs in a context of its own, in whatever thread, and is let go."""

from __future__ import annotations

import gc
import threading
import weakref
from contextvars import ContextVar, copy_context
from itertools import islice

import pytest

from opto.trace import bundle, node, stop_tracing
from opto.trace.tape import name_scope
from tests.support.streams import count, data, echo

# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("take", [0, 1, 3, 99])
@pytest.mark.parametrize("raw", [True, False])
def test_nothing_waits_for_the_collector(take, raw):
    class Value:
        pass

    done = []
    hidden = node(Value())

    @bundle(allow_external_dependencies=True)
    def f(x):
        held = Value()
        seen.append(weakref.ref(held))
        try:
            for _ in range(5):
                hidden.data  # noqa: B018
                yield held
        finally:
            done.append(x)

    gc.collect()
    gc.disable()
    try:
        seen = []
        stream = f(1)
        seen += [weakref.ref(item) for item in islice(stream.data if raw else stream, take)]
        seen.append(weakref.ref(stream))
        del stream
        assert [find() for find in seen] == [None] * len(seen)
        assert done == [1] * (take > 0)
    finally:
        gc.enable()


def test_a_stream_that_is_dropped_after_sends_is_freed_when_it_was_closed():
    gc.collect()
    gc.disable()
    try:
        stream = echo(0)
        item = next(stream)
        for _ in range(3):
            item = stream.send(item + 1)
        assert item.data == 3
        stream.close()
        seen = [weakref.ref(stream), weakref.ref(item)]
        del stream, item
        assert all(find() is None for find in seen)
    finally:
        gc.enable()


def test_a_stream_that_is_dropped_after_sends_is_freed_by_the_collector():
    done = []

    @bundle()
    def f(x):
        try:
            while True:
                x = yield x
        finally:
            done.append(x)

    stream = f(0)
    stream.send(next(stream) + 1)
    find = weakref.ref(stream)
    del stream
    gc.collect()
    assert (find(), done) == (None, [1])


def test_nothing_keeps_what_the_body_was_done_with():
    class Value:
        pass

    seen = []

    @bundle()
    def f(n):
        for _ in range(n):
            value = Value()
            seen.append(weakref.ref(value))
            yield value

    for _ in f(4):
        pass
    del _
    assert all(find() is None for find in seen)


def test_what_the_body_does_finally_runs_in_its_own_context():
    done = []

    @bundle()
    def f(x):
        try:
            with stop_tracing(), name_scope("inside"):
                yield x
        finally:
            done.append(node(1).name.partition("/")[0])

    stream = f(1)
    copy_context().run(next, stream)
    del stream
    assert done[0].startswith("int")


# --- contexts, threads ----------------------------------------------------------------------------


def test_stop_tracing_in_a_body_does_not_leak_to_the_consumer():
    inside = []

    @bundle()
    def f(x):
        with stop_tracing(), name_scope("quiet"):
            inside.append(node(1) + 1)
            yield 1
            inside.append(node(1) + 1)
            yield 2

    x = node(1, trainable=True)
    for item in f(x):
        assert item.parameter_dependencies == {x}
        assert not item.name.startswith("quiet")
        y = x + 1
        assert y.parents[0] is x
    assert [n.parents for n in inside] == [[], []]
    assert all(n.name.startswith("quiet/") for n in inside)


def test_a_variable_that_the_body_sets_stays_its_own():
    variable = ContextVar("variable", default=0)

    @bundle()
    def f(x):
        for i in range(1, 3):
            variable.set(i)
            yield variable.get()

    assert [(item.data, variable.get()) for item in f(0)] == [(1, 0), (2, 0)]


def test_items_under_stop_tracing_are_not_recorded_and_the_same():
    hidden = node(1)

    @bundle()
    def f(n):
        for i in range(n):
            yield i + hidden.data

    x = node(3, trainable=True)
    with stop_tracing():
        items = list(f(x))
        plain = list(f(x).data)
    assert data(items) == plain == [1, 2, 3]
    assert all(item.parents == [] for item in items)


def test_a_stream_called_with_recording_and_drawn_from_without_and_the_reverse():
    x, hidden = node(3, trainable=True), node(1, trainable=True)

    @bundle(allow_external_dependencies=True)
    def f(n):
        h = hidden.data
        for i in range(n):
            yield i + h

    stream = f(x)
    with stop_tracing():
        first = next(stream)
    second = next(stream)
    assert (first.data, first.parents) == (1, [])
    assert (second.data, second.parameter_dependencies) == (2, {x, hidden})
    with stop_tracing():
        stream = f(x)
    item = next(stream)
    assert (item.data, item.parents, stream.parents) == (1, [stream], [])


def test_names_of_items_follow_the_consumer():
    stream = count(2)
    with name_scope("agent"):
        assert next(stream).name.startswith("agent/next:")
    assert next(stream).name.startswith("next:")


def test_a_stream_is_driven_in_another_thread_than_it_was_made_in():
    hidden = node(1, trainable=True)

    @bundle(allow_external_dependencies=True)
    def f(n):
        for i in range(n):
            with name_scope("inner"):
                yield i + hidden.data

    stream, items = f(4), []

    def draw():
        items.extend([next(stream), next(stream)])

    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert data(items) == [1, 2, 3, 4]
    assert all(item.parents == [stream, hidden] for item in items)


def test_threads_with_streams_of_their_own():
    errors = []

    def work(own):
        @bundle(allow_external_dependencies=True)
        def f(n):
            for i in range(n):
                yield i + own.data

        try:
            for i, item in enumerate(f(50)):
                assert item.data == i + own._data
                assert item.parameter_dependencies == {own}
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(node(i, trainable=True),)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
