"""One program gives one graph, run alone or in many threads and tasks at once (SPEC A22 to A24)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Module, bundle, node, stop_tracing
from opto.trace.tape import carried, name_scope
from opto.trace.utils import sum_feedback
from tests.support.threads import in_threads
from tests.trace.canonical import all_names, canonical

PROMPT = node("p", name="prompt", trainable=True)
SECRETS = [node(i, name=f"secret{i}", trainable=True) for i in range(4)]


@bundle()
def model(prompt, question):
    """An answer."""
    return f"{prompt}-{question}"


@bundle(trainable=True)
def tidy(text, width=9, *rest, end="."):
    return text[:width] + end + "".join(rest)


@bundle()
def push(items, item):
    items.append(item)
    return len(items)


@bundle()
def fail(value):
    raise ValueError(f"<{value}>")


@bundle()
def leaf_sum(tree):
    return tree if isinstance(tree, int) else leaf_sum(tree[0]).data + leaf_sum(tree[1]).data


@bundle(allow_external_dependencies=True)
def secretly(value, number):
    return value + str(SECRETS[number].data)


@bundle()
def peeks(value, number):
    return SECRETS[number].data


class Agent(Module):
    def __init__(self, weight):
        self.weight = weight

    @bundle(trainable=True)
    def act(self, text):
        return text.upper()

    @bundle()
    def ask(self, text):
        return model(PROMPT, text).data if len(text) < 0 else text + "?"

    def forward(self, text):
        return self.act(self.ask(text)) + self.weight


AGENT = Agent(PROMPT)
AGENT("")
SHARED = [PROMPT, *SECRETS, tidy.parameter, *AGENT.parameters(), AGENT.act("").inputs["self"]]


def program(i: int) -> list:
    """A program of every kind of step; the graph depends on `i` by values alone."""
    answer = tidy(model(PROMPT, "q"), 3, "a", end=node("!"))
    number = (node(i) * 2 + 1) % 7
    items = node([i])
    length = push(items, i + 1) + push(items, number)
    with stop_tracing():
        unseen = answer + "unseen"
    with name_scope("scope"):
        scoped = answer + unseen.data
    outputs = [answer, number, length, scoped, AGENT(answer), leaf_sum(((1, 2), (i, 4)))]
    outputs += [secretly(answer, i % 4), secretly(answer, node(1))]
    for failing in (lambda: fail(number), lambda: number / (number - number)):
        with pytest.raises(ExecutionError) as caught:
            failing()
        outputs.append(caught.value.exception_node)
    with pytest.raises(TraceMissingInputsError, match=f"secret{i % 4}:"):
        peeks(answer, i % 4)
    return outputs


# --- the same, asynchronously ---------------------------------------------------------------------


async def pause(i: int) -> None:
    await asyncio.sleep(0.0005 * (i * 7 % 5))


@bundle()
async def amodel(prompt, question):
    await pause(len(question))
    return f"{prompt}-{question}"


@bundle()
async def both(prompt, i):
    """Two calls at once; their values are its own."""
    one, two = await asyncio.gather(amodel(prompt, str(i)), amodel(prompt, "b" * (i % 3)))
    await pause(i)
    return one.data + two.data


@bundle()
async def spawning(value, i):
    task = asyncio.create_task(both(value, i))
    in_thread = await asyncio.to_thread(lambda: model(value, "t").data)
    return (await task).data + in_thread


@bundle(allow_external_dependencies=True)
async def asecretly(value, number):
    first = SECRETS[number].data
    await pause(number)
    return value + str(first + SECRETS[(number + 1) % 4].data)


@bundle()
async def apeeks(value, number):
    await pause(number)
    task = asyncio.create_task(athinks(number))
    return await task


async def athinks(number):
    await pause(number + 1)
    return SECRETS[number].data


@bundle()
async def afail(value):
    await pause(value)
    raise ValueError(f"<{value}>")


async def aprogram(i: int) -> list:
    answer = await amodel(PROMPT, str(i))
    spread = await both(answer, i)
    spawned = await spawning(spread, i % 5)
    with stop_tracing():
        await pause(i)
        unseen = await amodel(PROMPT, "unseen")
        assert unseen.parents == []
    with name_scope("scope"):
        await pause(i + 1)
        scoped = answer + unseen.data
    outputs = [answer, spread, spawned, scoped, AGENT(answer), await asecretly(answer, i % 4)]
    with pytest.raises(ExecutionError) as caught:
        await afail(i)
    outputs.append(caught.value.exception_node)
    with pytest.raises(TraceMissingInputsError, match=f"secret{i % 4}:"):
        await apeeks(answer, i % 4)
    return outputs


# --- running it -----------------------------------------------------------------------------------


def check(runs: list, alone: dict) -> None:
    """Each run gave the graph of the sequential one, and no two nodes have one name."""
    for i, outputs in enumerate(runs):
        assert canonical(*outputs, shared=SHARED) == alone[i % len(alone)]
    names = all_names(runs)
    assert len(set(names)) == len(names)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("threads", [2, 64])
def test_a23_threads_record_what_one_thread_records(threads: int):
    alone = {i: canonical(*program(i), shared=SHARED) for i in range(7)}
    check(in_threads(lambda i: program(i % 7), threads), alone)


@pytest.mark.parametrize("tasks", [2, 64, 1000])
def test_a23_tasks_record_what_one_task_records(tasks: int):
    async def run(numbers):
        return await asyncio.gather(*(aprogram(i) for i in numbers))

    alone = {i: canonical(*asyncio.run(run([i]))[0], shared=SHARED) for i in range(min(tasks, 20))}
    check(asyncio.run(run([i % 20 for i in range(tasks)])), alone)


@pytest.mark.usefixtures("impatient")
def test_a23_loops_in_threads_record_what_one_loop_records():
    alone = {i: canonical(*asyncio.run(aprogram(i)), shared=SHARED) for i in range(4)}
    check(in_threads(lambda i: asyncio.run(aprogram(i % 4)), 16), alone)


@pytest.mark.usefixtures("impatient")
def test_a23_to_thread_records_what_one_thread_records():
    alone = {i: canonical(*program(i), shared=SHARED) for i in range(7)}

    async def run():
        return await asyncio.gather(*(asyncio.to_thread(program, i % 7) for i in range(64)))

    check(asyncio.run(run()), alone)


@pytest.mark.usefixtures("impatient")
def test_a23_an_executor_records_in_the_scope_of_who_submits():
    with name_scope("outer"):
        alone = {i: canonical(*program(i), shared=SHARED) for i in range(7)}
        with ThreadPoolExecutor(16) as pool:
            runs = list(pool.map(carried(lambda i: program(i % 7)), range(64)))
    check(runs, alone)
    assert all(outputs[1].name.startswith("outer/") for outputs in runs)


@pytest.mark.usefixtures("impatient")
def test_a22_feedback_from_threads_is_that_of_one_thread():
    def learn(i: int, parameter) -> None:
        output = tidy(model(parameter, f"q{i}")) + "!"
        output.backward(f"feedback {i}")

    def heard(parameter, run) -> tuple:
        before = len(tidy.parameter.feedback)
        run(partial(learn, parameter=parameter))
        graph = sum_feedback([parameter])
        said = sorted(str(remark.content) for remark in graph.feedback.remarks)
        return said, sorted(n.op_name for n in graph.nodes), len(tidy.parameter.feedback) - before

    alone = heard(node("p", trainable=True), lambda job: [job(i) for i in range(64)])
    together = heard(node("p", trainable=True), lambda job: in_threads(job, 64))
    tidy.parameter.zero_feedback()
    assert together == alone
    assert len(set(alone[0])) == 64
