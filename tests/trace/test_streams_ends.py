"""Streams that end, fail, are closed and thrown at."""

from __future__ import annotations

import gc
import weakref
from contextlib import closing, contextmanager, suppress

import pytest

from opto.errors import ExecutionError
from opto.trace import bundle, node
from opto.trace.utils import sum_feedback


def test_a_failure_is_an_output_of_the_program():
    @bundle()
    def f(x):
        yield 1
        raise ValueError("broken")

    x = node(3, trainable=True)
    stream = f(x)
    next(stream)
    with pytest.raises(ExecutionError, match="broken") as caught:
        next(stream)
    failed = caught.value.exception_node
    assert failed.data == "(ValueError) broken"
    assert failed.parents == [stream]
    assert "f raised an exception" in failed._description
    failed.backward(failed.create_feedback("full"))
    assert 'raise ValueError("broken") <---' in str(sum_feedback([x]).user_feedback)
    with pytest.raises(StopIteration):
        next(stream)


def test_a_failure_knows_what_was_used_and_sent():
    a, b, hidden = (node(i, trainable=True) for i in range(3))

    @bundle(allow_external_dependencies=True)
    def f(x):
        got = yield hidden.data
        raise ValueError(got)

    stream = f(a)
    next(stream)
    with pytest.raises(ExecutionError) as caught:
        stream.send(b)
    assert caught.value.exception_node.parameter_dependencies == {a, b, hidden}


def test_without_catching_the_error_is_as_it_is():
    @bundle(catch_execution_error=False)
    def f(x):
        yield 1
        raise ValueError("broken")

    stream = f(1)
    next(stream)
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_a_plain_item_fails_plainly_and_its_consumer_as_a_step():
    @bundle()
    def f(x):
        yield 1
        raise ValueError("broken")

    x = node(1, trainable=True)
    with pytest.raises(ValueError, match="broken"):
        list(f(x).data)
    with pytest.raises(ExecutionError) as caught:
        bundle()(list)(f(x))
    assert caught.value.exception_node.parameter_dependencies == {x}


def test_a_failure_inside_a_nested_call_is_told_once():
    @bundle()
    def inner(x):
        raise ValueError("deep")

    @bundle()
    def f(x):
        yield 1
        yield inner(x)

    x = node(1, trainable=True)
    with pytest.raises(ExecutionError) as caught:
        list(f(x))
    failed = caught.value.exception_node
    assert failed.data == "(ValueError) deep"
    assert failed.parameter_dependencies == {x}
    assert str(caught.value).count("ValueError: deep") <= 2


@pytest.mark.parametrize("raw", [True, False])
def test_a_failure_does_not_wait_for_the_collector(raw):
    @bundle()
    def f(x):
        yield 1
        raise ValueError("broken")

    def attempt():
        stream = f(x)
        seen.append(weakref.ref(stream))
        with suppress(ExecutionError, ValueError):
            list(stream.data if raw else stream)

    x, seen = node(1), []
    gc.collect()
    gc.disable()
    try:
        attempt()
        before = len(gc.get_objects())
        for _ in range(50):
            attempt()
        assert len(gc.get_objects()) - before < 100  # the references that are counted
        assert [find() for find in seen] == [None] * 51
    finally:
        gc.enable()


def test_stop_iteration_in_the_body_is_an_error_as_in_python():
    @bundle()
    def f(x):
        yield 1
        raise StopIteration  # noqa: PLR1708 - what is tested

    stream = f(1)
    next(stream)
    with pytest.raises(ExecutionError, match="generator raised StopIteration"):
        next(stream)


def test_throw_can_be_handled_and_comes_back_as_it_was_if_it_is_not():
    @bundle()
    def f(x):
        try:
            yield 1
        except KeyError:
            yield "handled"

    stream = f(1)
    next(stream)
    item = stream.throw(KeyError("k"))
    assert (item.data, item.parents) == ("handled", [stream])
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught:
        stream.throw(error)
    assert caught.value is error
    stream = f(1)
    next(stream)
    with pytest.raises(ValueError, match="old form"):
        stream.throw(ValueError, ValueError("old form"), None)
    stream = f(1)
    with pytest.raises(ValueError, match="by class"):
        stream.throw(ValueError, "by class")
    with pytest.raises(TypeError, match="takes an exception"):
        f(1).throw(3)
    raw = f(1).data
    next(raw)
    assert raw.throw(KeyError) == "handled"


def test_another_exception_out_of_a_throw_is_a_failure():
    @bundle()
    def f(x):
        try:
            yield 1
        except KeyError as error:
            raise ValueError("worse") from error

    stream = f(1)
    next(stream)
    with pytest.raises(ExecutionError, match="worse"):
        stream.throw(KeyError("k"))


@pytest.mark.parametrize("raw", [True, False])
def test_close_runs_what_is_to_be_done_finally(raw):
    done = []

    @bundle()
    def f(x):
        try:
            yield 1
            yield 2
        finally:
            done.append(x)

    stream = f("x").data if raw else f("x")
    with closing(stream):
        next(stream)
        assert done == []
    assert done == ["x"]
    assert list(stream) == []
    stream.close()
    assert done == ["x"]


def test_ignoring_the_close_is_what_python_says_of_it():
    @bundle()
    def f(x):
        try:
            yield 1
        except GeneratorExit:
            yield 2

    stream = f(1)
    next(stream)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        stream.close()


def test_a_bundled_generator_can_be_a_context_manager():
    done = []

    @contextmanager
    @bundle()
    def opened(x):
        try:
            yield x * 2
        except KeyError:
            done.append("seen")
        finally:
            done.append("closed")

    x = node(2, trainable=True)
    with opened(x) as item:
        assert (item.data, item.parameter_dependencies) == (4, {x})
    assert done == ["closed"]
    with opened(x):
        raise KeyError
    assert done == ["closed", "seen", "closed"]
    with pytest.raises(IndexError), opened(x):
        raise IndexError


def test_reentrance_is_what_python_says_of_it():
    held = []

    @bundle(catch_execution_error=False)
    def f(x):
        yield next(held[0])

    held.append(f(1))
    with pytest.raises(ValueError, match="already executing"):
        next(held[0])
    held[:] = [f(1).data]
    with pytest.raises(ValueError, match="already executing"):
        next(held[0])
    held.clear()
