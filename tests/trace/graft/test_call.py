"""A call that runs in another process is as one that ran here."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import operator
import subprocess
import sys
import time
import weakref
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest

from opto.errors import ExecutionError, TraceError
from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import bundle, node
from opto.trace import submit as exported
from opto.trace.graft import Call, perform, submit
from opto.trace.graph import Graph
from opto.trace.utils import sum_feedback
from tests.support import remote
from tests.support.grafts import form, here

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_it_is_as_if_it_had_run_here(method, x, p):
    local = remote.weighted(x, p)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as executor:
        far = submit(executor, remote.weighted, x, p).result()
    assert far.data == local.data == 7
    assert form(Graph.of(far)) == form(Graph.of(local))
    (scaled,) = [parent for parent in far.parents if parent is not p]
    assert scaled.inputs["v"] is x
    assert far.parents[1] is p
    assert {n.name for n in (far, scaled)}.isdisjoint({local.name, local.parents[0].name})
    for output in (local, far):
        p.zero_feedback()
        output.backward("larger")
        (said,) = p.feedback[output]
        assert said.user_feedback == "larger"
        assert {n.op_name for n in said.nodes} == {"add", "scale", "ParameterNode"}
        assert p in said.nodes


def test_it_is_exported():
    assert exported is submit


@pytest.mark.parametrize("executor", [ThreadPoolExecutor, "inline"])
def test_anything_with_a_submit_will_do(executor, x, p):
    class Inline:
        def submit(self, fn, /, *args):
            done = Future()
            done.set_result(fn(*args))
            return done

    if executor == "inline":
        assert submit(Inline(), remote.weighted, x, p=p).result().data == 7
        return
    with executor(2) as threads:
        assert submit(threads, remote.weighted, x, p=p).result().parents[1] is p


def test_what_is_known_of_a_function_comes_along(pool, x):
    local, far = remote.scale(x), submit(pool, remote.scale, x).result()
    assert far.info == local.info
    assert far.info["source"].startswith("def scale")
    assert far._description == "[scale] Multiply by k"
    plain = submit(pool, operator.add, x, 2).result()
    assert plain.info == (x + 2).info


def test_plain_values_and_containers_of_nodes_come_back(pool, x, p):
    assert submit(pool, remote.square, 4).result() == 16
    made = submit(pool, remote.both, x, p).result()
    assert made["given"] is p
    assert made["parts"][1] == "plain"
    assert made["parts"][0].parents[0] is made["y"]
    assert made["y"].parents == [x, p]


def test_an_argument_may_hold_nodes_anywhere(pool, x, p):
    made = submit(pool, remote.keep, {"a": [x, (p, 1)], "again": x}).result()
    assert made["a"][0] is made["again"] is x
    assert made["a"][1][0] is p


def test_a_partial_travels(pool, x):
    assert submit(pool, partial(remote.scale, k=5), x).result().data == 15


def test_a_result_is_an_argument_of_the_next_call(pool, x, p):
    one = submit(pool, remote.weighted, x, p).result()
    two = submit(pool, remote.weighted, one, p).result()
    assert two.data == 15
    assert two.parents[0].inputs["v"] is one
    two.backward("f")
    assert len(p.feedback) == 2


def test_an_optimizer_learns_from_it(pool):
    agent = remote.Agent("Hello")
    optimizer = OptoPrime(agent.parameters(), llm=DummyLLM(lambda **_: ANSWER % names))
    names = tuple(q.py_name for q in agent.parameters())
    output = submit(pool, agent, "you").result()
    assert output.data == "HELLO YOU"
    optimizer.zero_feedback()
    optimizer.backward(output, "be longer")
    optimizer.step()
    assert agent.prompt.data == "Hi"
    assert submit(pool, agent, "you").result().data == "HI, DEAR YOU"


CODE = "def act(self, prompt, query):\\n    return f'{prompt}, dear {query}'"
ANSWER = '{"suggestion": {"%s": "' + CODE + '", "%s": "Hi"}}'


def test_what_cannot_be_sent_is_said_at_once(pool, x):
    with pytest.raises(TraceError, match=r"the function of .*<lambda> .*no lambda"):
        submit(pool, lambda v: v, x)
    with pytest.raises(TraceError, match="argument 0 of keep"):
        submit(pool, remote.keep, (i for i in range(3)))
    with pytest.raises(TraceError, match="the argument 'value' of keep"):
        submit(pool, remote.keep, value=multiprocessing.Lock())
    with pytest.raises(TraceError, match=r"the value of generator:0.* of keep"):
        submit(pool, remote.keep, node((i for i in range(3)), name="generator"))

    @bundle()
    def local(v):
        return v

    with pytest.raises(TraceError, match="top of a module"):
        submit(pool, local, x)


def test_what_the_other_side_cannot_import_is_said(pool, monkeypatch):
    def vanished():
        pass

    monkeypatch.setattr(vanished, "__qualname__", "vanished")
    monkeypatch.setattr(remote, "vanished", vanished, raising=False)
    monkeypatch.setattr(vanished, "__module__", remote.__name__)
    with pytest.raises(TraceError, match="cannot be read in this process: AttributeError"):
        submit(pool, vanished).result()
    assert submit(pool, remote.square, 2).result() == 4, "the pool lives on"


SCRIPT = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from opto.trace import bundle, node, submit

@bundle(trainable=True)
def act(x):
    return x + 1

if __name__ == "__main__":
    act.parameter._set("def act(x):\\n    return x * 100")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        y = submit(pool, act, node(3)).result()
    print(y.data, y.parents[1] is act.parameter)
"""


def test_functions_of_a_script_are_there_too(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("300 True\n", "")


def test_functions_of_no_file_are_not():
    code = "\n".join(line for line in SCRIPT.split("\n") if "_set(" not in line)
    code = code.replace("trainable=True", "").replace("act.parameter", "None")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "at the top of a module" in done.stderr
    assert "BrokenProcessPool" not in done.stderr


def test_a_call_that_has_not_begun_can_be_cancelled(x):
    with ThreadPoolExecutor(1) as threads:
        first = submit(threads, time.sleep, 0.1)
        second = submit(threads, remote.scale, x)
        assert second.cancel()
        assert second.cancelled()
        assert first.result() is None
        assert not first.cancel()
        assert not first.running()


def test_many_calls_from_many_threads(pool, p):
    xs = [node(i, name="x") for i in range(24)]

    def call(mine):
        futures = [submit(pool, remote.weighted, x, p) for x in mine]
        return [future.result() for future in futures]

    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(call, [xs[i::4] for i in range(4)]))
    outputs = [output for i in range(24) for output in [parts[i % 4][i // 4]]]
    assert [output.data for output in outputs] == [2 * i + 1 for i in range(24)]
    names = [n.name for output in outputs for n in (output, output.parents[0])]
    assert len(set(names)) == 48
    for i, output in enumerate(outputs):
        output.backward(f"no. {i}")
    assert len(p.feedback) == 24
    assert sum_feedback([p]).feedback.remarks[23].content == "no. 23"


def test_asynchronous_programs_await_it(pool, x, p):
    async def main():
        loop = asyncio.get_running_loop()
        call = Call(remote.weighted, x, p)
        return await asyncio.gather(
            asyncio.wrap_future(submit(pool, remote.waiting, x)),
            loop.run_in_executor(pool, perform, call.payload),
        ), call

    (waited, reply), call = asyncio.run(main())
    assert waited.data == 6
    assert waited.parents[0] is x
    assert call.result(reply).parents[1] is p


def test_a_call_keeps_nothing_alive_and_waits_for_no_collector(x, p):
    gc.collect()
    gc.disable()
    try:
        with ThreadPoolExecutor(1) as threads:
            future = submit(threads, remote.weighted, x, p)
            kept = weakref.ref(future.result()), weakref.ref(future)
            threads.submit(int).result()
        del future
        assert [ref() for ref in kept] == [None, None]
    finally:
        gc.enable()


def failed(executor, *args):
    # With a future in a variable here, the error would know it by its traceback.
    try:
        submit(executor, *args).result()
    except ExecutionError as error:
        return weakref.ref(error.exception_node)
    raise AssertionError


def test_nor_does_one_that_fails(p):
    gc.collect()
    gc.disable()
    try:
        with ThreadPoolExecutor(1) as threads:
            kept = failed(threads, remote.divide, p, 0)
            threads.submit(int).result()
        assert kept() is None
    finally:
        gc.enable()


def cost(n):
    start = time.process_time()
    far = here(remote.chain, node(0), n)
    assert far.data == n
    return time.process_time() - start


def test_a_long_run_costs_in_proportion_to_its_length():
    far = here(remote.chain, node(0), 10_000)
    assert Graph.of(far).steps[-1].level == 10_000
    gc.disable()
    try:
        small, large = (min(cost(n) for _ in range(4)) for n in (10_000, 20_000))
    finally:
        gc.enable()
    assert large / small < 2.6
