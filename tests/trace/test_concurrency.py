"""Threads and tasks do not see each other (SPEC A22 to A24; performance.md 6 a to h)."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from opto.errors import BackwardError, ExecutionError, TraceMissingInputsError
from opto.trace import GRAPH, Node, bundle, node, stop_tracing
from opto.trace.utils import sum_feedback
from tests.support.threads import in_threads

# --- tasks ----------------------------------------------------------------------------------------


def test_a23_a_read_is_credited_to_the_task_that_reads():
    hidden = node("secret", name="hidden")

    @bundle()
    async def reader(v):
        await asyncio.sleep(0.002)
        return v + hidden.data

    @bundle()
    async def innocent(v):
        await asyncio.sleep(0.004)
        return v

    async def run():
        return await asyncio.gather(reader("a"), innocent("b"), return_exceptions=True)

    refused, fine = asyncio.run(run())
    assert isinstance(refused, TraceMissingInputsError)
    assert fine.data == "b"


def test_a23_external_dependencies_belong_to_their_task():
    hidden = [node(i, name=f"hidden{i}") for i in range(8)]

    @bundle(allow_external_dependencies=True)
    async def reader(i):
        await asyncio.sleep(0)
        first = hidden[i].data
        await asyncio.sleep(0.001)
        return first

    async def run():
        return await asyncio.gather(*(reader(i % 8) for i in range(160)))

    for i, y in enumerate(asyncio.run(run())):
        assert [n is hidden[i % 8] for n in y.info["external_dependencies"]] == [True]


@pytest.mark.parametrize("tasks", [4, 64, 1000])
def test_a23_ordinary_agents_as_tasks(tasks: int):
    prompt = node("p", trainable=True)

    @bundle()
    async def llm(p, q):
        await asyncio.sleep(0.001 * (hash(q) % 3))
        return p + q

    @bundle()
    async def agent(p, q):
        answer = await llm(p, q)
        return (answer + "!").data

    async def run():
        return await asyncio.gather(*(agent(prompt, str(i)) for i in range(tasks)))

    results = asyncio.run(run())
    assert [y.data for y in results] == [f"p{i}!" for i in range(tasks)]
    assert all(y.parameter_dependencies == {prompt} for y in results)


def test_a22_stop_tracing_in_one_task_leaves_the_others():
    x = node(1, trainable=True)

    async def evaluate():
        with stop_tracing():
            for _ in range(5):
                await asyncio.sleep(0)
                assert (x + 1).parents == []

    async def train():
        results = []
        for _ in range(5):
            await asyncio.sleep(0)
            results.append(x + 1)
        return results

    async def run():
        _, results = await asyncio.gather(evaluate(), train())
        return results

    assert all(len(y.parents) == 2 for y in asyncio.run(run()))


@pytest.mark.parametrize("end", ["closed", "cancelled"])
def test_a_call_that_is_given_up_before_it_begins_is_silent(end: str):
    @bundle()
    async def f(v):
        return v

    async def cancelled():
        task = asyncio.create_task(f(1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if end == "closed":
            f(1).close()
        else:
            asyncio.run(cancelled())
    assert caught == []  # as of a plain coroutine


# --- threads --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("threads", [2, 16, 64])
def test_a23_ordinary_agents_in_threads(threads: int):
    prompt = node("p", trainable=True)

    @bundle()
    def llm(p, q):
        return p + q

    @bundle()
    def agent(p, q):
        return (llm(p, q) + "!").data

    def job(i: int):
        return [agent(prompt, f"{i}.{k}") for k in range(20)]

    for i, results in enumerate(in_threads(job, threads)):
        assert [y.data for y in results] == [f"p{i}.{k}!" for k in range(20)]
        assert all(y.parameter_dependencies == {prompt} for y in results)


@pytest.mark.usefixtures("impatient")
def test_a22_stop_tracing_in_one_thread_leaves_the_others():
    x = node(1, trainable=True)

    def job(i: int):
        if i % 2:
            with stop_tracing():
                return [len((x + 1).parents) for _ in range(200)]
        return [len((x + 1).parents) for _ in range(200)]

    assert [set(lengths) for lengths in in_threads(job, 8)] == [{2}, {0}] * 4


@pytest.mark.usefixtures("impatient")
def test_a24_names_are_unique_across_threads():
    made = in_threads(lambda i: [node(i, name="shared") for _ in range(2000)], 4)
    names = [n.name for part in made for n in part]
    assert len(set(names)) == len(names) == 8000
    assert GRAPH.get(names[0]) is made[0][0]


@pytest.mark.usefixtures("impatient")
def test_each_failure_in_a_thread_tells_its_own_story():
    @bundle()
    def fail(i):
        raise ValueError(f"<{i}>")

    def job(i: int):
        stories = []
        for k in range(30):
            with pytest.raises(ExecutionError) as caught:
                fail(f"{i}.{k}")
            stories.append((f"<{i}.{k}>", str(caught.value), caught.value.exception_node))
        return stories

    for stories in in_threads(job, 16):
        for mark, text, failed in stories:
            assert mark in text
            assert mark in failed.data
            assert mark in failed.info["error_comment"]


@pytest.mark.usefixtures("impatient")
def test_inputs_on_record_belong_to_their_call():
    @bundle()
    def f(v, k=2):
        return v * k

    def job(i: int):
        return [(i * 1000 + k, f(i * 1000 + k)) for k in range(100)]

    for results in in_threads(job, 8):
        for v, y in results:
            assert y.data == v * 2
            assert v in [*y.info["inputs"]["args"], *y.info["inputs"]["kwargs"].values()]


@pytest.mark.usefixtures("impatient")
def test_new_code_is_compiled_whole_for_every_thread():
    @bundle(trainable=True)
    def f(v):
        return v

    def job(i: int):
        seen = set()
        for k in range(50):
            if i == 0:
                f.parameter._data = f"def f(v):\n    return v + {k % 5}"
            seen.add(f(10).data)
        return seen

    for seen in in_threads(job, 8):
        assert seen <= {10, 11, 12, 13, 14}


@pytest.mark.usefixtures("impatient")
def test_the_last_code_is_the_code_that_stays():
    @bundle(trainable=True)
    def f(v):
        return v

    def job(i: int):
        for k in range(40):
            if i == 0:
                f.parameter._data = f"def f(v):\n    return v + {k}"
            f(10)

    in_threads(job, 8)
    assert f(10).data == 49


def replace_code_under_way():
    """Called by code that is being defined: another thread sets the next code meanwhile."""
    changing.parameter._data = "def changing(v):\n    return 2"


@bundle(trainable=True)
def changing(v):
    return 0


def test_code_that_is_set_while_the_last_is_compiled_runs_next():
    changing.parameter._data = "replace_code_under_way()\ndef changing(v):\n    return 1"
    changing(0)
    assert changing(0).data == 2


def test_who_looks_for_living_nodes_does_not_disturb_who_looks_meanwhile():
    held = []

    class Meanwhile(type):
        def __subclasses__(cls):
            # Where one look goes through the classes, another holds all that refers to them.
            held.append(gc.get_referrers(Node))
            return type.__subclasses__(cls)

    class Own(Node, metaclass=Meanwhile):
        pass

    x = Own(1, name="x")
    assert GRAPH.get("x:0") is x
    assert held
    del Own
    held.clear()
    gc.collect()


@pytest.mark.usefixtures("impatient")
def test_backward_from_many_threads_reaches_the_shared_parameter():
    x = node(1, trainable=True)

    def job(i: int):
        y = x + i
        y.backward("same")
        return y

    outputs = in_threads(job, 16)
    graph = sum_feedback([x])
    assert graph.user_feedback == "same"
    assert {n.name for _, n in graph.graph} >= {y.name for y in outputs}


@pytest.mark.usefixtures("impatient")
def test_backward_from_many_threads_through_one_step_loses_nothing():
    for _ in range(60):
        x = node(1, trainable=True)
        shared = x * 1
        outputs = [shared + i for i in range(8)]
        in_threads(lambda i, o=outputs: o[i].backward("same", retain_graph=True), 8)
        assert {n.name for _, n in sum_feedback([x]).graph} >= {y.name for y in outputs}


@pytest.mark.usefixtures("impatient")
def test_one_of_two_threads_may_send_feedback_through_a_graph():
    def job(i, output):
        try:
            output.backward("f")
        except BackwardError:
            return 0
        return 1

    for _ in range(60):
        x = node(1, trainable=True)
        accepted = in_threads(partial(job, output=(x + 1) * 2), 2)
        assert sum(accepted) == 1
        assert sum_feedback([x]).user_feedback == "f"


@pytest.mark.usefixtures("impatient")
def test_first_use_of_a_method_from_many_threads_binds_once():
    class Speaker:
        @bundle(trainable=True)
        def say(self, v):
            return v

    for _ in range(20):
        speaker = Speaker()
        bound = in_threads(lambda i, speaker=speaker: speaker.say.parameter, 8)
        assert len({id(p) for p in bound}) == 1


@pytest.mark.usefixtures("impatient")
def test_plain_recursion_in_one_thread_is_not_seen_by_another():
    @bundle(overwrite_python_recursion=True)
    def down(n):
        return down(n - 1) + 1 if n else 0

    def job(i: int):
        return [type(down(20)).__name__ for _ in range(20)]

    assert {name for names in in_threads(job, 8) for name in names} == {"MessageNode"}


def test_a23_a_thread_started_inside_a_function_with_its_context_is_watched():
    hidden = node(2, name="hidden")

    @bundle()
    def spread(v):
        context = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            return v + pool.submit(context.run, lambda: hidden.data).result()

    with pytest.raises(TraceMissingInputsError, match="hidden"):
        spread(1)


def test_asyncio_to_thread_keeps_the_context():
    x = node(1, trainable=True)

    async def run():
        with stop_tracing():
            off = await asyncio.to_thread(lambda: x + 1)
        return off, await asyncio.to_thread(partial(lambda v: v + 1, x))

    off, on = asyncio.run(run())
    assert (len(off.parents), len(on.parents)) == (0, 2)
