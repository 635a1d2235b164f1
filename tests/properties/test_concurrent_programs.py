"""However asynchronous programs take turns, each records what it records alone.

The programs are coroutines, driven by hand in the order that hypothesis draws: one
step of one program, each in a context of its own as an event loop gives to tasks.
"""

from __future__ import annotations

import types
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import GRAPH, Node, bundle, node, stop_tracing
from opto.trace.tape import carried, name_scope
from tests.trace.canonical import all_names, canonical

SHARED = [node(i + 1, name=f"shared{i}", trainable=True) for i in range(3)]


@dataclass(frozen=True)
class Do:
    """One step of a program.

    Args:
        what: the kind of step.
        at: chooses values, or one of the shared nodes.
        body: the steps inside it.
    """

    what: str
    at: int = 0
    body: tuple[Do, ...] = ()

    def __repr__(self) -> str:
        inside = f", {list(self.body)}" if self.body else ""
        return f"{self.what}({self.at}{inside})"


@types.coroutine
def pause():
    yield


@bundle()
async def closed(v, body):
    return await inside(v, body)


@bundle(allow_external_dependencies=True)
async def open_(v, body):
    return await inside(v, body)


@bundle(traceable_code=True)
def box(v):
    return v + SHARED[0] if v.data % 2 else v + 1


@bundle(trainable=True)
def trained(v):
    return v * 2


async def inside(v: Any, body: tuple[Do, ...]) -> Any:
    values = [node(v)]
    await run(body, values)
    return values[-1].data


async def run(body: tuple[Do, ...], values: list[Node]) -> None:
    for step in body:
        await pause()
        await RUN[step.what](step, values)


async def compute(step: Do, values: list[Node]) -> None:
    left, right = values[step.at % len(values)], values[-1]
    values.append((left + right) % 1000)


async def use_shared(step: Do, values: list[Node]) -> None:
    values.append((SHARED[step.at % 3] * values[-1]) % 1000)


async def read_shared(step: Do, values: list[Node]) -> None:
    values.append(node(SHARED[step.at % 3].data, name="read"))


async def read_elsewhere(step: Do, values: list[Node]) -> None:
    read = carried(lambda: SHARED[step.at % 3].data)
    await pause()
    values.append(node(read(), name="read"))


async def use_box(step: Do, values: list[Node]) -> None:
    values.append(box(values[step.at % len(values)]))


async def use_trained(step: Do, values: list[Node]) -> None:
    values.append(trained(values[step.at % len(values)]) % 1000)


async def divide(step: Do, values: list[Node]) -> None:
    try:
        values.append(values[-1] // (values[step.at % len(values)] % 3))
    except ExecutionError as error:
        values.append(node(0, name="failed"))
        values.append((error.exception_node.len() + values[-1]) % 1000)


def calls(function):
    async def call(step: Do, values: list[Node]) -> None:
        coroutine = function(values[step.at % len(values)], step.body)
        try:
            await pause()
            values.append(await coroutine)
        except TraceMissingInputsError:
            values.append(node(-1, name="refused"))
        finally:
            coroutine.close()

    return call


async def switched_off(step: Do, values: list[Node]) -> None:
    with stop_tracing():
        await run(step.body, values)


async def scoped(step: Do, values: list[Node]) -> None:
    with name_scope(f"s{step.at % 3}"):
        await run(step.body, values)


RUN = {
    "compute": compute,
    "use_shared": use_shared,
    "read_shared": read_shared,
    "read_elsewhere": read_elsewhere,
    "use_box": use_box,
    "use_trained": use_trained,
    "divide": divide,
    "closed": calls(closed),
    "open_": calls(open_),
    "switched_off": switched_off,
    "scoped": scoped,
}
BLOCKS = ("closed", "open_", "switched_off", "scoped")

numbers = st.integers(0, 5)
leaves = st.builds(Do, st.sampled_from([name for name in RUN if name not in BLOCKS]), numbers)
steps = st.recursive(
    leaves,
    lambda inner: st.builds(
        Do, st.sampled_from(BLOCKS), numbers, st.lists(inner, min_size=1, max_size=4).map(tuple)
    ),
    max_leaves=8,
)
bodies = st.lists(steps, min_size=1, max_size=5).map(tuple)


class Task:
    """A program on its way."""

    def __init__(self, body: tuple[Do, ...], start: int) -> None:
        self.values: list[Node] = [node(start, name="start")]
        self.context = copy_context()
        self.coroutine = run(body, self.values)
        self.done = False

    def turn(self) -> None:
        try:
            self.context.run(self.coroutine.send, None)
        except StopIteration:
            self.done = True

    def finish(self) -> Task:
        while not self.done:
            self.turn()
        return self


def recorded(task: Task) -> tuple[Any, ...]:
    return canonical(*task.values, shared=[*SHARED, trained.parameter])


@given(st.lists(bodies, min_size=2, max_size=4), st.lists(st.integers(0, 3), max_size=60))
def test_programs_that_take_turns_record_what_they_record_alone(programs, schedule):
    GRAPH.clear()
    alone = [recorded(Task(body, i).finish()) for i, body in enumerate(programs)]
    tasks = [Task(body, i) for i, body in enumerate(programs)]
    for turn in schedule:
        task = tasks[turn % len(tasks)]
        if not task.done:
            task.turn()
    for task in tasks:
        task.finish()
    assert [recorded(task) for task in tasks] == alone
    names = all_names([task.values for task in tasks])
    assert len(set(names)) == len(names)


@given(
    st.lists(bodies, min_size=2, max_size=3),
    st.lists(st.integers(0, 2), max_size=40),
    st.integers(0, 2),
)
def test_programs_that_are_given_up_disturb_nobody(programs, schedule, unlucky):
    alone = [recorded(Task(body, i).finish()) for i, body in enumerate(programs)]
    tasks = [Task(body, i) for i, body in enumerate(programs)]
    for turn in schedule:
        task = tasks[turn % len(tasks)]
        if not task.done:
            task.turn()
    given_up = tasks[unlucky % len(tasks)]
    given_up.context.run(given_up.coroutine.close)
    for i, task in enumerate(tasks):
        if task is not given_up:
            assert recorded(task.finish()) == alone[i]
    assert len((SHARED[0] + 1).parents) == 2
