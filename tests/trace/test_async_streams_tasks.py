"""Asynchronous streams in tasks: in turns, cancelled, dropped, never awaited."""

from __future__ import annotations

import asyncio
import gc
import inspect
import warnings
import weakref
from contextvars import ContextVar

import pytest

from opto.errors import TraceMissingInputsError
from opto.trace import bundle, node, stop_tracing
from opto.trace.tape import name_scope
from tests.support.streams import data, drained, run, ticks


def test_a_thousand_tasks_each_with_a_stream_of_its_own():
    prompt = node("p", trainable=True)
    own = [node(i, trainable=True) for i in range(1000)]

    @bundle(allow_external_dependencies=True)
    async def answers(i):
        for k in range(3):
            await asyncio.sleep(0)
            with name_scope("inside"):
                yield (own[i].data, k)
                prompt.data  # noqa: B018

    async def consume(i):
        return [item async for item in answers(i)]

    async def program():
        return await asyncio.gather(*map(consume, range(1000)))

    names = set()
    for i, items in enumerate(run(program())):
        assert data(items) == [(i, 0), (i, 1), (i, 2)]
        assert items[0].parameter_dependencies == {own[i]}
        assert items[2].parameter_dependencies == {own[i], prompt}
        assert items[0].parents[0] is items[2].parents[0]
        names.update(item.name for item in items)
    assert len(names) == 3000
    assert all(name.startswith("next:") for name in names)


def test_a_stream_is_handed_from_task_to_task():
    hidden = node(1, trainable=True)

    @bundle(allow_external_dependencies=True)
    async def f(n):
        for i in range(n):
            with stop_tracing():
                await asyncio.sleep(0)
                yield i
            hidden.data  # noqa: B018

    async def program():
        stream = f(4)
        items = []

        async def two():
            items.extend([await anext(stream), await anext(stream)])

        await asyncio.create_task(two())
        await asyncio.create_task(two())
        assert data(items) == [0, 1, 2, 3]
        assert all(item.parents[0] is stream for item in items)
        assert items[3].parameter_dependencies == {hidden}
        await stream.aclose()

    run(program())


def test_reads_of_tasks_in_turns_do_not_mix():
    @bundle()
    async def f(mine):
        for _ in range(5):
            await asyncio.sleep(0)
            yield mine

    async def program():
        outside = node(3, name="outside")

        async def consume(x):
            total = 0
            async for item in f(x):
                total += item.data + outside.data
            return total

        return await asyncio.gather(*(consume(node(i)) for i in range(20)))

    assert run(program()) == [5 * i + 15 for i in range(20)]


def test_stop_tracing():
    x = node(2, trainable=True)

    async def program():
        with stop_tracing():
            items = [item async for item in ticks(x)]
            stream = ticks(x)
        assert all(item.parents == [] for item in items)
        assert [item.parents async for item in stream] == [[stream], [stream]]
        return data(items)

    assert run(program()) == [0, 1]


def test_a_variable_that_the_body_sets_stays_its_own_across_waits():
    variable = ContextVar("variable", default=0)

    @bundle()
    async def f(n):
        for i in range(1, n + 1):
            variable.set(i)
            await asyncio.sleep(0)
            assert variable.get() == i
            yield i

    async def program():
        return [(item.data, variable.get()) async for item in f(3)]

    assert run(program()) == [(1, 0), (2, 0), (3, 0)]


def test_cancellation_in_the_middle():
    done = []

    @bundle()
    async def f(x):
        try:
            yield 1
            await asyncio.sleep(60)
            yield 2
        finally:
            await asyncio.sleep(0)
            done.append(x)

    async def program():
        stream = f(1)

        async def consume():
            return [item async for item in stream]

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [1]
        assert [item async for item in stream] == []
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(drained(f(2)), 0.01)
        assert done == [1, 2]

    run(program())


def test_a_body_that_handles_its_cancellation():
    @bundle()
    async def f(x):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            yield "cancelled"

    async def program():
        task = asyncio.create_task(drained(f(1)))
        await asyncio.sleep(0.01)
        task.cancel()
        return data(await task)

    assert run(program()) == ["cancelled"]


def test_two_tasks_at_one_body_at_once_is_what_python_says_of_it():
    async def program():
        stream = ticks(5)
        got = await asyncio.gather(anext(stream), anext(stream), return_exceptions=True)
        assert got[0].data == 0
        assert "already running" in str(got[1])
        assert (await anext(stream)).data == 1

    run(program())


def test_what_is_dropped_in_the_middle_is_closed_by_the_loop():
    done = []

    @bundle()
    async def f(x):
        try:
            with stop_tracing():
                yield 1
                yield 2
        finally:
            await asyncio.sleep(0)
            done.append(x)

    async def program():
        async for _ in f(1):
            break
        del _
        await asyncio.sleep(0.01)
        assert done == [1]
        kept = f(2)
        await anext(kept)
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, c: complaints.append(c))
        return kept, complaints

    _, complaints = run(program())
    assert done == [1, 2]
    assert complaints == []


@pytest.mark.parametrize("take", [0, 1, 99])
def test_nothing_waits_for_the_collector(take):
    class Value:
        pass

    seen = []

    @bundle()
    async def f(x):
        held = Value()
        seen.append(weakref.ref(held))
        for _ in range(3):
            await asyncio.sleep(0)
            yield held

    async def program():
        stream = f(node(1))
        count = 0
        while count < take and (item := await anext(stream, None)) is not None:
            seen.append(weakref.ref(item))
            count += 1
        seen.append(weakref.ref(stream))
        item = stream = None
        await asyncio.sleep(0.01)
        assert [find() for find in seen] == [None] * len(seen)
        assert len(seen) == 1 + bool(take) + min(take, 3)

    gc.collect()
    gc.disable()
    try:
        run(program())
    finally:
        gc.enable()


def test_what_is_never_awaited_leaves_nothing_behind():
    seen = []

    @bundle()
    async def later(x):
        return x

    gc.collect()
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            x = node([1, 2])
            waiting = later(x)
            assert inspect.iscoroutine(waiting)
            seen.append(weakref.ref(x))
            del waiting
            stream = ticks(x)
            seen.append(weakref.ref(stream))
            unstarted = stream.asend(None), anext(stream), stream.aclose()
            for one in unstarted:
                one.close()
            del stream, x, unstarted, one
        assert len(said) == 1
        assert "never awaited" in str(said[0].message)
        said.clear()  # a warning holds what it is about
        assert [find() for find in seen] == [None, None]
    finally:
        gc.enable()


def test_an_awaited_call_that_is_forgotten_in_the_middle_disturbs_nobody():
    """Its context is not the one in which it is thrown away."""
    hidden, errors = node(1, name="hidden"), []

    @bundle()
    async def stuck(x):
        await asyncio.get_running_loop().create_future()

    async def program():
        coroutine = stuck(node([1]))
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(0)
        del task
        return coroutine

    loop = asyncio.new_event_loop()
    coroutine = loop.run_until_complete(program())

    @bundle()
    def watching(x):
        coroutine.close()
        return hidden.data

    with pytest.raises(TraceMissingInputsError, match="hidden"):
        watching(1)
    assert errors == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop.close()
        gc.collect()
