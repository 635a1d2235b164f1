"""Asynchronous generators as bundled functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Module, bundle, node
from opto.trace.nodes import MessageNode
from opto.trace.utils import sum_feedback
from tests.support.streams import data, drained, run, ticks


@bundle()
async def echo(first):
    """Gives back what it is sent."""
    got = first
    while got != "stop":
        await asyncio.sleep(0)
        got = yield got


def test_each_item_is_a_step_from_the_stream():
    x = node(3, trainable=True)

    async def program():
        stream = ticks(x)
        assert isinstance(stream, MessageNode)
        assert (stream.op_name, stream.inputs) == ("ticks", {"n": x})
        items = [item async for item in stream]
        assert [item async for item in stream] == []
        return stream, items

    stream, items = run(program())
    assert data(items) == [0, 1, 2]
    assert all(item.inputs == {"stream": stream} for item in items)
    assert all(item.op_name == "ticks.next" for item in items)
    items[2].backward("late")
    assert sum_feedback([x]).user_feedback == "late"


def test_the_value_is_an_asynchronous_generator_of_plain_values():
    async def program():
        raw = ticks(node(3)).data
        assert isinstance(raw, AsyncGenerator)
        assert aiter(raw) is raw
        assert await anext(raw) == 0
        assert await raw.asend(None) == 1
        assert [v async for v in raw] == [2]
        assert (raw.__name__, repr(raw)) == ("ticks", "<async generator ticks>")
        assert raw.ag_frame is None
        stream = ticks(2)
        assert isinstance(stream, AsyncGenerator)
        assert aiter(stream) is stream
        assert (await anext(stream)).data == 0
        assert await anext(stream, None) is not None
        assert await anext(stream, None) is None
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(program())


def test_comprehensions_of_all_kinds():
    async def program():
        assert [v.data async for v in ticks(3)] == [0, 1, 2]
        assert {v.data async for v in ticks(3)} == {0, 1, 2}
        assert {v.data: v async for v in ticks(2)}.keys() == {0, 1}
        assert [v.data async for v in (v + 1 async for v in ticks(2))] == [1, 2]
        assert [v.data async for v in ticks(4) if v.data % 2] == [1, 3]

    run(program())


def test_asynchronous_streams_are_no_plain_ones_and_the_reverse():
    async def program():
        with pytest.raises(ExecutionError, match="non-iterable"):
            list(ticks(2))
        for other in (node(3), node([1]), bundle()(lambda: (i for i in "ab"))()):
            with pytest.raises(TypeError, match="async for"):
                async for _ in other:
                    pass

    run(program())


def test_sending():
    x, y = node("a", trainable=True), node("b", trainable=True)

    async def program():
        stream = echo(x)
        first = await anext(stream)
        second = await stream.asend(y)
        third = await stream.asend("c")
        assert data([first, second, third]) == ["a", "b", "c"]
        assert second.parents == [stream, y]
        assert third.parameter_dependencies == {x, y}
        with pytest.raises(StopAsyncIteration):
            await stream.asend("stop")
        raw = echo(1).data
        await anext(raw)
        assert await raw.asend(node(4)) == 4

    run(program())


def test_throwing_and_closing():
    done = []

    @bundle()
    async def f(x):
        try:
            await asyncio.sleep(0)
            yield 1
        except KeyError:
            yield "handled"
        finally:
            await asyncio.sleep(0)
            done.append(x)

    async def program():
        stream = f(1)
        await anext(stream)
        assert (await stream.athrow(KeyError("k"))).data == "handled"
        error = ValueError("mine")
        with pytest.raises(ValueError, match="mine") as caught:
            await stream.athrow(error)
        assert caught.value is error
        assert done == [1]
        async with aclosing(f(2)) as stream:
            async for item in stream:
                assert item.data == 1
                break
        assert done == [1, 2]
        async with aclosing(f(3).data) as raw:
            assert await anext(raw) == 1
            assert await raw.athrow(KeyError) == "handled"
        assert done == [1, 2, 3]
        assert [v async for v in stream] == []

    run(program())


def test_an_asynchronous_context_manager():
    done = []

    @asynccontextmanager
    @bundle()
    async def opened(x):
        try:
            yield x * 2
        finally:
            done.append("closed")

    async def program():
        x = node(2, trainable=True)
        async with opened(x) as item:
            assert (item.data, item.parameter_dependencies) == (4, {x})
        with pytest.raises(KeyError):
            async with opened(x):
                raise KeyError
        assert done == ["closed", "closed"]

    run(program())


def test_failures():
    hidden = node(1, trainable=True)

    @bundle(allow_external_dependencies=True)
    async def f(x):
        await asyncio.sleep(0)
        yield hidden.data
        raise ValueError("broken")

    async def program(x):
        stream = f(x)
        await anext(stream)
        with pytest.raises(ExecutionError, match="broken") as caught:
            await anext(stream)
        assert caught.value.exception_node.parameter_dependencies == {x, hidden}
        assert caught.value.exception_node.parents[0] is stream
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        with pytest.raises(ValueError, match="broken"):
            [v async for v in f(x).data]
        plain = bundle(catch_execution_error=False, allow_external_dependencies=True)(f._original)
        with pytest.raises(ValueError, match="broken"):
            [v async for v in plain(x)]

    run(program(node(1, trainable=True)))


def test_what_it_reads_is_credited_or_refused():
    hidden, ended = node("h", name="hidden", trainable=True), []

    @bundle()
    async def peek(x):
        try:
            yield x
            await asyncio.sleep(0)
            yield hidden.data
        finally:
            await asyncio.sleep(0)
            ended.append(x)

    allowed = bundle(allow_external_dependencies=True)(peek._original)

    async def program(x):
        stream = peek(x)
        await anext(stream)
        with pytest.raises(TraceMissingInputsError, match="hidden"):
            await anext(stream)
        assert ended == [1]
        first, second = [item async for item in allowed(x)]
        assert first.parameter_dependencies == {x}
        assert second.parameter_dependencies == {x, hidden}

        @bundle()
        async def whole(values):
            return [v async for v in values]

        y = await whole(allowed(x))
        assert (y.data, y.parameter_dependencies) == ([1, "h"], {x, hidden})

    run(program(node(1, trainable=True)))


class Agent(Module):
    def __init__(self):
        self.by = node(10, trainable=True)

    @bundle(allow_external_dependencies=True)
    async def steps(self, n):
        async for tick in ticks(n):
            yield tick.data + self.by.data

    @bundle(traceable_code=True)
    async def inside(self, x):
        yield x * self.by

    async def forward(self, n):
        total = 0
        async for item in self.steps(n):
            total = total + item
        return total


def test_methods_and_traceable_ones():
    async def program():
        agent, x = Agent(), node(2, trainable=True)
        y = await agent(x)
        assert (y.data, y.parameter_dependencies) == (21, {x, agent.by})
        (item,) = [item async for item in agent.inside(x)]
        assert (item.data, item.hidden_dependencies) == (20, {agent.by})

    run(program())


def test_a_trainable_one():
    @bundle(trainable=True)
    async def f(n):
        yield n

    async def program():
        (item,) = await drained(f(1))
        assert item.parameter_dependencies == {f.parameter}
        running = f(3)
        f.parameter._set("async def f(n):\n    yield n\n    yield n * 2\n")
        assert data(await drained(running)) == [3]
        assert data(await drained(f(3))) == [3, 6]

    run(program())


def test_a_coroutine_function_that_returns_a_generator_of_either_kind():
    @bundle()
    async def f(n):
        await asyncio.sleep(0)
        return (i for i in range(n))

    @bundle()
    async def g(n):
        await asyncio.sleep(0)
        return ticks(n)

    async def program():
        x = node(2, trainable=True)
        items = list(await f(x))
        items += await drained(await g(x))
        assert data(items) == [0, 1, 0, 1]
        assert all(item.parameter_dependencies == {x} for item in items)

    run(program())
