"""Random generators in random turns: values as in Python, and what each item depends on."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import bundle, node, stop_tracing

PARAMETERS = 3

# What a body does, step by step. Whatever it is sent, it adds to what it gives.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(0, 9)),
        st.tuples(st.just("read"), st.integers(0, PARAMETERS - 1)),
        st.tuples(st.just("give node"), st.integers(0, PARAMETERS - 1)),
        st.tuples(st.just("make"), st.integers(0, 9)),
        st.tuples(st.just("quietly"), st.integers(0, 9)),
        st.tuples(st.just("fail"), st.just(0)),
        st.tuples(st.just("handle"), st.integers(0, 9)),
    ),
    max_size=8,
)

# What is done to one of the streams, from outside.
TURNS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(
            st.tuples(st.sampled_from(["next", "throw", "close", "unrecorded"]), st.just(0)),
            st.tuples(st.just("send"), st.integers(0, 9)),
            st.tuples(st.just("send node"), st.integers(0, PARAMETERS - 1)),
        ),
    ),
    max_size=20,
)


def body(x, steps, values, plain):
    """The generator; `values` are plain in Python, and nodes with us."""
    total = x
    for what, number in steps:
        got = None
        if what == "give":
            got = yield total + number
        elif what == "read":
            total += values[number] if plain else values[number].data
        elif what == "give node":
            got = yield total + values[number]
        elif what == "make":
            total += number if plain else (node(number) + 1).data - 1
        elif what == "quietly":
            # In a plain generator it would stay in force for whoever goes on.
            with nullcontext() if plain else stop_tracing():
                got = yield total + number
        elif what == "fail":
            raise ValueError(total)
        else:
            try:
                got = yield total
            except KeyError:
                total += number
        total += 0 if got is None else got
    return total


class Oracle:
    """One body, and what its items should depend on: worked out without any nodes."""

    def __init__(self, x, steps, numbers):
        self.steps, self.at, self.used = steps, 0, set()
        self.running = body(x, self.seen(), numbers, plain=True)

    def seen(self):
        """The steps, noting what each is to be credited with."""
        for step in self.steps:
            self.given = {step[1]} if step[0] == "give node" else set()
            if step[0] == "read":
                self.used.add(step[1])
            yield step
        self.given = set()


def outcome(act):
    try:
        return "item", act()
    except (StopIteration, StopAsyncIteration) as end:
        return "end", getattr(end, "value", None)
    except ExecutionError as error:
        return "failed", error.exception_node
    except (KeyError, ValueError, TypeError) as error:
        return "failed", error


def acted(stream, action, other):
    """One action on a generator of any kind; a sent node is what `other` stands for."""
    what, number = action
    if what == "throw":
        return outcome(lambda: stream.throw(KeyError("thrown")))
    if what == "close":
        return outcome(stream.close)
    if what == "send":
        return outcome(lambda: stream.send(number))
    if what == "send node":
        return outcome(lambda: stream.send(other[number]))
    return outcome(lambda: next(stream))


@given(st.lists(STEPS, min_size=3, max_size=3), TURNS)
def test_streams_in_turns(programs, turns):
    nodes = [node(10 * i, trainable=True) for i in range(PARAMETERS)]
    numbers = [n._data for n in nodes]
    inputs = [node(100 * i, trainable=True) for i in range(3)]
    walk = bundle(allow_external_dependencies=True)(
        lambda x, steps: body(x, steps, nodes, plain=False)
    )
    streams = [walk(x, steps) for x, steps in zip(inputs, programs, strict=True)]
    oracles = [Oracle(x._data, steps, numbers) for x, steps in zip(inputs, programs, strict=True)]
    for index, action in turns:
        oracle, stream = oracles[index], streams[index]
        expected, value = acted(oracle.running, action, numbers)
        if action[0] == "unrecorded":
            with stop_tracing():
                got, item = acted(stream, action, nodes)
        else:
            got, item = acted(stream, action, nodes)
        assert got == expected
        if expected == "failed":
            continue
        if action[0] == "send node":
            oracle.used.add(action[1])
        if value is None:
            assert item is None
        elif action[0] == "unrecorded":
            assert (item.data, item.parents) == (value, [])
        else:
            assert item.data == value
            credited = {nodes[i] for i in oracle.used | oracle.given} | {inputs[index]}
            assert item.parameter_dependencies == credited
            assert all(p._serial < item._serial for p in item.parents)


@given(STEPS, st.integers(0, 10))
def test_a_function_that_takes_a_stream_whole_depends_on_all_that_it_used(steps, take):
    nodes = [node(10 * i, trainable=True) for i in range(PARAMETERS)]
    numbers = [n._data for n in nodes]
    x = node(1, trainable=True)
    walk = bundle(allow_external_dependencies=True)(
        lambda v, what: body(v, what, nodes, plain=False)
    )
    oracle = Oracle(1, steps, numbers)
    credited, expected = set(), []

    def first(stream):
        return [kept for kept, _ in zip(stream, range(take))]  # noqa: B905 - as far as it goes

    def told():
        for value in oracle.running:
            credited.update(oracle.given)
            yield value

    try:
        expected = first(told())
    except ValueError:
        expected = None
    try:
        y = bundle()(first)(walk(x, steps))
    except ExecutionError as error:
        assert expected is None
        y = error.exception_node
    else:
        assert y.data == expected
    assert y.parameter_dependencies == {nodes[i] for i in credited | oracle.used} | {x}


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_asynchronous_streams_in_tasks(programs):
    nodes = [node(10 * i, trainable=True) for i in range(PARAMETERS)]
    numbers = [n._data for n in nodes]

    @bundle(allow_external_dependencies=True)
    async def walk(x, steps):
        running = body(x, steps, nodes, plain=False)
        while True:
            await asyncio.sleep(0)
            try:
                value = next(running)
            except StopIteration:
                return
            yield value

    async def consumed(x, steps):
        oracle = Oracle(x._data, steps, numbers)
        try:
            async for item in walk(x, steps):
                assert item.data == next(oracle.running)
                credited = {nodes[i] for i in oracle.used | oracle.given} | {x}
                assert item.parameter_dependencies == credited
                await asyncio.sleep(0)
            ended = ("end", None)
        except ExecutionError:
            ended = ("failed", None)
        return ended[0] == outcome(lambda: next(oracle.running))[0]

    async def program():
        inputs = [node(i, trainable=True) for i in range(len(programs))]
        return await asyncio.gather(*map(consumed, inputs, programs))

    assert all(asyncio.run(program()))
