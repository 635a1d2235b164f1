"""What belongs to a flow of control stays in it: recording, name scopes, watched reads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import TraceMissingInputsError
from opto.trace import GRAPH, bundle, node, stop_tracing
from opto.trace.tape import carried, name_scope, recording


def here() -> tuple[bool, str]:
    """Whether this flow of control records, and in which scope."""
    return recording(), node(0, name="n").name.rpartition("n:")[0]


def in_a_thread(job):
    """What `job` returns, run in a thread that starts with nothing."""
    got: list = []
    thread = threading.Thread(target=lambda: got.append(job()))
    thread.start()
    thread.join()
    return got[0]


OFF, ON = (False, "a/"), (True, "a/")


# --- nesting --------------------------------------------------------------------------------------


def test_blocks_nest_in_any_order_and_end_where_they_began():
    with name_scope("a"):
        with stop_tracing(), name_scope("b"), stop_tracing(), name_scope("c"):
            assert here() == (False, "a/b/c/")
        assert here() == ON
        with stop_tracing():
            with pytest.raises(KeyError), name_scope("b"):
                raise KeyError
            assert here() == OFF
        assert here() == ON
    assert here() == (True, "")


def test_blocks_of_two_tasks_overlap():
    order: list[str] = []

    async def first(entered, leave):
        with stop_tracing(), name_scope("first"):
            order.append("first in")
            entered.set()
            await leave.wait()
            assert here() == (False, "first/")
        order.append("first out")
        return here()

    async def second(entered, leave):
        await entered.wait()
        with name_scope("second"), stop_tracing():
            order.append("second in")
            leave.set()
            await asyncio.sleep(0.01)
            order.append("second still in")
            assert here() == (False, "second/")
        return here()

    async def run():
        entered, leave = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(first(entered, leave), second(entered, leave))

    assert asyncio.run(run()) == [(True, ""), (True, "")]
    assert order == ["first in", "second in", "first out", "second still in"]


def test_the_switch_of_the_registry_is_per_flow_of_control():
    with stop_tracing():
        GRAPH.TRACE = True
        assert in_a_thread(carried(recording)) is True
        GRAPH.TRACE = False
        assert in_a_thread(carried(recording)) is False
        assert in_a_thread(recording) is True
    assert recording() is True


# --- threads, executors, tasks --------------------------------------------------------------------


def test_a_thread_starts_with_nothing_and_a_carried_function_with_everything():
    with stop_tracing(), name_scope("a"):
        assert in_a_thread(here) == (True, "")
        assert in_a_thread(carried(here)) == OFF
        assert in_a_thread(lambda: in_a_thread(carried(here))) == (True, "")
        assert in_a_thread(carried(lambda: in_a_thread(carried(here)))) == OFF


def test_what_a_carried_function_changes_stays_with_it():
    def change():
        GRAPH.TRACE = False
        return here()

    with name_scope("a"):
        job = carried(change)
        assert in_a_thread(job) == OFF
        assert job() == OFF
        assert here() == ON
        with stop_tracing():
            assert in_a_thread(carried(here)) == OFF
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(job).result() == OFF
            assert pool.submit(here).result() == (True, "")


def test_a_carried_function_keeps_the_moment_at_which_it_was_carried():
    with name_scope("a"):
        job = carried(here)
    with stop_tracing(), name_scope("b"):
        assert job() == ON
        assert here() == (False, "b/")


def test_a_carried_function_runs_many_times_at_once_and_in_itself():
    with name_scope("a"):
        job = carried(lambda depth: [here(), *(job(depth - 1) if depth else [])])
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(job, [3] * 64)) == [[ON] * 4] * 64


def test_a_carried_function_keeps_its_arguments_result_and_exception():
    def job(a, *args, b, **kwargs):
        if a is None:
            raise KeyError(b)
        return a, args, b, kwargs

    assert carried(job)(1, 2, b=3, c=4) == (1, (2,), 3, {"c": 4})
    with pytest.raises(KeyError, match="7"):
        carried(job)(None, b=7)


def test_tasks_and_threads_of_asyncio_inherit():
    async def run():
        with stop_tracing(), name_scope("a"):
            task = asyncio.create_task(asyncio.sleep(0, here))
            in_thread = await asyncio.to_thread(here)
            later = asyncio.create_task(ask())
            by_loop = await asyncio.get_running_loop().run_in_executor(None, carried(here))
        assert here() == (True, "")
        assert (await task)() == (True, "")
        return in_thread, await later, by_loop

    async def ask():
        await asyncio.sleep(0.001)
        return here()

    assert asyncio.run(run()) == (OFF, OFF, OFF)


# --- reads ----------------------------------------------------------------------------------------


def reads_by(way):
    """Ways to read a node from inside a function by another flow of control."""

    def thread(n):
        return in_a_thread(carried(lambda: n.data))

    def executor(n):
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(carried(lambda _: n.data), range(4))) // 4

    def nested(n):
        return in_a_thread(carried(lambda: in_a_thread(carried(lambda: n.data))))

    def born(n):
        return in_a_thread(carried(lambda: (n + 0).data))

    def compared(n):
        return 2 if in_a_thread(carried(lambda: n == 2)) else 0

    return {f.__name__: f for f in (thread, executor, nested, born, compared)}[way]


WAYS = ["thread", "executor", "nested", "born", "compared"]


@pytest.mark.parametrize("way", WAYS)
def test_a16_a_read_by_a_helping_thread_is_credited_or_refused(way: str):
    read, hidden = reads_by(way), node(2, name="hidden", trainable=True)
    with pytest.raises(TraceMissingInputsError, match="hidden"):
        bundle()(lambda v: v + read(hidden))(1)
    y = bundle(allow_external_dependencies=True)(lambda v: v + read(hidden))(1)
    assert y.data == 3
    assert y.parameter_dependencies == {hidden}
    y = bundle(_process_inputs=False)(lambda v: read(v))(hidden)
    assert y.parents == [hidden]


def test_a16_a_read_in_an_uncarried_thread_belongs_to_nobody():
    hidden = node(2, trainable=True)
    y = bundle()(lambda v: v + in_a_thread(lambda: hidden.data))(1)
    assert (y.data, len(y.parents)) == (3, 1)


def test_a16_reads_of_an_inner_function_are_its_own_in_any_flow():
    hidden = node(2, name="hidden", trainable=True)
    inner = bundle("[inner] i", allow_external_dependencies=True)(lambda v: v + hidden.data)
    refusing = bundle("[refusing] i")(lambda v: v + hidden.data)

    @bundle(allow_external_dependencies=True)
    def outer(v):
        return in_a_thread(carried(lambda: inner(v))).data

    y = outer(1)
    assert (y.data, y.parameter_dependencies) == (3, {hidden})

    @bundle()
    def outermost(v):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(carried(lambda: refusing(v))).result().data

    with pytest.raises(TraceMissingInputsError, match="refusing used the value of hidden"):
        outermost(1)


@pytest.mark.parametrize("allowed", [True, False])
def test_a16_reads_of_tasks_started_inside_belong_to_the_function(allowed: bool):
    hidden = node(2, name="hidden", trainable=True)

    async def think():
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: hidden.data)

    @bundle(allow_external_dependencies=allowed)
    async def f(v):
        return v + sum(await asyncio.gather(think(), asyncio.create_task(think())))

    @bundle()
    async def innocent(v):
        await asyncio.sleep(0.002)
        return v

    async def run():
        return await asyncio.gather(f(1), innocent(1), return_exceptions=True)

    y, fine = asyncio.run(run())
    assert (fine.data, len(fine.parents)) == (1, 1)
    if allowed:
        assert (y.data, y.parameter_dependencies) == (5, {hidden})
    else:
        assert isinstance(y, TraceMissingInputsError)


def test_a16_a_task_that_outlives_its_function_disturbs_nobody():
    hidden = node(2, name="hidden", trainable=True)
    tasks = []

    async def think():
        await asyncio.sleep(0.002)
        return hidden.data

    @bundle()
    async def starts(v):
        tasks.append(asyncio.create_task(think()))
        return v

    @bundle()
    async def innocent(v):
        await asyncio.sleep(0.004)
        return v

    async def run():
        y = await starts(1)
        z = await innocent(2)
        return y, z, await tasks[0]

    y, z, late = asyncio.run(run())
    assert (y.data, z.data, late) == (1, 2, 2)
    assert len(y.parents) == len(z.parents) == 1


def test_a16_a_cancelled_call_gives_its_watch_back():
    hidden = node(2, name="hidden")

    @bundle()
    async def slow(v):
        await asyncio.sleep(10)
        return v

    async def run():
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(slow(1), 0.002)
            task = asyncio.ensure_future(slow(1))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return hidden.data, (hidden + 1).parents

    value, parents = asyncio.run(run())
    assert value == 2
    assert len(parents) == 2


def test_a16_a_coroutine_is_watched_where_it_is_awaited():
    hidden = node(2, name="hidden", trainable=True)

    @bundle(allow_external_dependencies=True)
    async def reads(v):
        await asyncio.sleep(0.001)
        return v + hidden.data

    async def run():
        made = [reads(i) for i in range(3)]
        awaited = [asyncio.create_task(coroutine) for coroutine in made[:2]]
        last = await made[2]
        return [await task for task in awaited] + [last]

    results = asyncio.run(run())
    assert [y.data for y in results] == [2, 3, 4]
    assert all(y.parameter_dependencies == {hidden} for y in results)
    assert hidden.data == 2


# --- the table of performance.md 6, where no other test has it ------------------------------------


@pytest.mark.usefixtures("impatient")
def test_6e_names_are_unique_at_full_size():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [node(0, name="n").name for _ in range(20_000)], "1234"))
    assert len({name for names in made for name in names}) == 80_000


@pytest.mark.usefixtures("impatient")
def test_6e_names_and_creation_order_hold_in_64_threads_that_begin_at_once():
    start = threading.Barrier(64)
    x = node(1, name="x")

    def make(_):
        start.wait()
        fresh = [node(0, name=f"fresh{k}") for k in range(50)]
        return [*fresh, *(x + y for y in fresh)]

    with ThreadPoolExecutor(64) as pool:
        made = [n for part in pool.map(make, range(64)) for n in part]
    assert len({n.name for n in made}) == len(made) == 6400
    assert len({n._serial for n in made}) == len(made)
    assert all(parent._serial < n._serial for n in made for parent in n.parents)
    indices = sorted(int(n.id) for n in made if n.name.startswith("fresh7:"))
    assert indices == list(range(64))


@pytest.mark.parametrize("helper", ["thread", "task"])
def test_6f_6g_evaluation_beside_training_silences_nothing(helper: str):
    x = node(1, name="x", trainable=True)
    inside, trained = threading.Event(), threading.Event()

    def evaluate():
        with stop_tracing():
            inside.set()
            trained.wait(5)
            return (x + 1).parents

    def train():
        inside.wait(5)
        y = x + 1
        y.backward("heard")
        trained.set()
        return y

    if helper == "thread":
        with ThreadPoolExecutor(2) as pool:
            evaluated, y = pool.submit(evaluate), pool.submit(train).result()
            parents = evaluated.result()
    else:

        async def run():
            return await asyncio.gather(asyncio.to_thread(evaluate), asyncio.to_thread(train))

        parents, y = asyncio.run(run())
    assert parents == []
    assert y.parents[0] is x
    assert x.feedback
