"""A forward pass in another process is a part of the graph here."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import operator
import re
import time
import weakref
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opto.errors import (
    ExecutionError,
    NodeError,
    StoreError,
    TraceError,
    TraceMissingInputsError,
)
from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import Node, bundle, node, stop_tracing
from opto.trace import submit as exported
from opto.trace.graft import Call, graft, perform, submit
from opto.trace.graph import Graph, Step
from opto.trace.nodes import ParameterNode, name_scope
from opto.trace.oldnames import disable_external_dependencies_check
from opto.trace.propagators import TraceGraph
from opto.trace.tape import carried
from opto.trace.utils import sum_feedback
from tests.properties.strategies import programs
from tests.support import remote

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.fixture(scope="module")
def pool():
    """Two processes that share nothing with this one but the files."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as made:
        yield made


@pytest.fixture
def x():
    return node(3, name="x")


@pytest.fixture
def p():
    return node(1, name="p", trainable=True, description="a number", constraint="positive")


def here(function, *args, **kwargs):
    """Through bytes, in this process."""
    call = Call(function, *args, **kwargs)
    return call.result(perform(call.payload))


def form(graph):
    """A graph without the numbers in its names."""
    place = {step.name: i for i, step in enumerate(graph.steps)}
    steps = [
        (
            *(step.name.rstrip("0123456789"), step.kind, step.level, step.op, shown(step.value)),
            [key.rstrip("0123456789") for key, _ in step.inputs],
            [place[name] for _, name in step.inputs],
            *(step.documentation, step.description, step.constraint, step.trainable),
        )
        for step in graph.steps
    ]
    return steps, [place[name] for name in graph.outputs], graph.feedback.content


def shown(value):
    return re.sub(r" at 0x\w+", "", repr(value))


# --- one call -----------------------------------------------------------------------------


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


# --- which parameter is which -------------------------------------------------------------


def test_a_module_has_the_values_of_now(pool):
    agent = remote.Agent("Hello")
    agent.act.parameter._set("def act(self, prompt, query):\n    return prompt + query * 2")
    output = submit(pool, agent, "you").result()
    assert output.data == "HELLOYOUYOU"
    assert output.parameter_dependencies == set(agent.parameters())
    assert output.inputs["self"] is agent.act._self_node
    assert agent.calls == 0, "what changes there in place stays there"
    bound = submit(pool, agent.act, agent.prompt, "q").result()
    assert bound.parameter_dependencies == set(agent.parameters())


def test_a_module_that_was_never_used_has_its_own_code(pool):
    agent = remote.Agent("Hello")
    output = submit(pool, agent, "you").result()
    assert output.parameter_dependencies == set(agent.parameters())


def test_a_module_made_there_is_new_here(pool):
    prompt = node("Hello", trainable=True)
    one, two = (submit(pool, remote.built_there, prompt).result() for _ in range(2))
    assert form(Graph.of(one)) == form(Graph.of(remote.built_there(prompt)))
    assert one.parameter_dependencies.isdisjoint(two.parameter_dependencies)
    assert all(type(q) is ParameterNode for q in one.parameter_dependencies)


@pytest.mark.parametrize(
    ("program", "parameter", "value", "before", "after"),
    [
        (remote.rule, remote.rule.parameter, "def rule(x):\n    return x + 100", 4, 103),
        (remote.by_name, remote.rule.parameter, "def rule(x):\n    return x + 100", 40, 1030),
        (remote.by_name, remote.LEVEL, 2, 40, 8),
        (remote.by_table, remote.rule.parameter, "def rule(x):\n    return x + 100", 4, 103),
        (remote.by_module, remote.SHIFT.by, 5, 4, 8),
        (remote.inside_import, remote.rule.parameter, "def rule(x):\n    return -x", 4, -3),
        (remote.inner, remote.SHIFT.by, 5, 4, 16),
        (
            *(remote.by_method, remote.HOLDER.step.parameter),
            *("def step(self, x):\n    return -x", 4, -3),
        ),
    ],
)
def test_what_is_used_by_name_is_the_one_here(pool, x, program, parameter, value, before, after):
    with remote.restored(parameter):
        for wanted in (before, after, after):
            local, far = program(x), submit(pool, program, x).result()
            assert local.data == far.data == wanted
            assert form(Graph.of(far)) == form(Graph.of(local))
            parameter.zero_feedback()
            far.backward("f")
            assert len(parameter.feedback) == 1
            parameter._set(value)


def test_a_value_that_is_only_read_by_name_is_the_one_here(pool, x):
    with remote.restored(remote.LEVEL):
        remote.LEVEL._set(77)
        assert submit(pool, remote.read_by_name, x).result().data == 80


def test_recursion_is_recorded_as_here(pool):
    n = node(5)
    far = submit(pool, remote.factorial, n).result()
    assert far.data == 120
    assert form(Graph.of(far)) == form(Graph.of(remote.factorial(n)))


def test_what_is_named_and_cannot_be_sent_is_not_needed(pool, x):
    assert submit(pool, remote.beside_a_client, x).result().data == 4


def test_one_name_for_two_parameters_is_refused(pool, x, monkeypatch):
    monkeypatch.setitem(remote.TABLE, "rules", [remote.factorial])
    monkeypatch.setitem(remote.TABLE, "level", node(1, trainable=True))
    with pytest.raises(TraceError, match="and another name stand for one node"):
        submit(pool, remote.by_table_and_name, x).result()


@pytest.mark.parametrize("program", [remote.by_attribute, remote.by_attribute_read])
def test_a_parameter_that_was_not_sent_is_refused(pool, x, program):
    with pytest.raises(TraceMissingInputsError, match=r"hidden:0.* as an argument"):
        submit(pool, program, x).result()


def test_what_is_used_by_name_in_a_thread_is_the_living_one(x):
    with remote.restored(remote.LEVEL), ThreadPoolExecutor(1) as threads:
        remote.LEVEL._set(4)
        far = submit(threads, remote.by_name, x).result()
    assert far.data == 16
    assert remote.LEVEL in far.parents
    assert remote.LEVEL.data == 10


# --- the context of the moment ------------------------------------------------------------


def test_scopes_hold_there(pool, x):
    with name_scope("outer"), name_scope("inner"):
        future = submit(pool, remote.scale, x)
    assert future.result().name == "outer/inner/scale:0"
    with name_scope("elsewhere"):
        assert submit(pool, remote.scale, x).result().name == "elsewhere/scale:0"


def test_what_is_not_recorded_here_is_not_recorded_there(pool, x, p):
    with stop_tracing():
        future, local = submit(pool, remote.weighted, x, p), remote.weighted(x, p)
    far = future.result()
    assert (far.data, far.parents, far.op_name) == (7, [], "add")
    assert form(Graph.of(far)) == form(Graph.of(local))


def test_external_dependencies_are_allowed_as_here(pool, x):
    with pytest.raises(TraceMissingInputsError, match="level:0"):
        submit(pool, remote.peek, x).result()

    def allowed():
        disable_external_dependencies_check(True)
        return submit(pool, remote.peek, x)

    far = carried(allowed)().result()
    assert far.data == 13
    assert far.parents == [x, remote.LEVEL]
    assert far.inputs[remote.LEVEL.py_name] is remote.LEVEL


def test_a_bundled_function_that_sends_is_credited_with_what_is_read_there(pool, p):
    @bundle(allow_external_dependencies=True)
    def outer(v):
        return submit(pool, remote.read, [p]).result()

    assert outer(1).parents[1:] == [p]

    @bundle()
    def refused(v):
        return submit(pool, remote.read, [p]).result()

    with pytest.raises(TraceMissingInputsError, match=p.name):
        refused(1)


# --- failures -----------------------------------------------------------------------------


def test_a_failure_there_is_an_output_here(pool, p):
    zero = node(0, name="zero")
    errors = []
    for program in (remote.divide, lambda *args: submit(pool, remote.divide, *args).result()):
        with pytest.raises(ExecutionError) as caught:
            program(p, zero)
        errors.append(caught.value)
    local, far = errors
    assert str(far) == str(local)
    assert type(far.__cause__) is ZeroDivisionError
    node_here = far.exception_node
    assert form(Graph.of(node_here)) == form(Graph.of(local.exception_node))
    assert node_here.create_feedback("full") == local.exception_node.create_feedback("full")
    assert node_here.info.keys() == local.exception_node.info.keys()
    node_here.backward(node_here.create_feedback())
    assert p.feedback[node_here][0].user_feedback == "(ZeroDivisionError) division by zero"


def test_a_failure_of_a_failure(pool, p):
    errors = []
    for run in (remote.nested_failure, partial(here, remote.nested_failure)):
        with pytest.raises(ExecutionError) as caught:
            run(p, 0)
        errors.append(caught.value.exception_node)
    assert form(Graph.of(errors[0])) == form(Graph.of(errors[1]))


def test_other_exceptions_pass_as_they_are(pool):
    with pytest.raises(LookupError, match="no such thing"):
        submit(pool, remote.raising, "no such thing").result()
    with pytest.raises(TraceError, match="PickyError: 1 and 2"):
        submit(pool, remote.raising_picky).result()
    assert submit(pool, remote.square, 2).result() == 4, "the pool lives on"


def test_what_lies_between_may_be_what_cannot_travel(pool, x):
    far = submit(pool, remote.past_a_lock, x).result()
    assert far.data == (3, True)
    (made,) = [n for n in far.parents if n.op_name == "lock"]
    assert made.data.startswith("<locked _thread.lock")
    assert "cannot pickle" in made.info["sent_as_text"]
    assert made.info["fun_name"] == "lock"
    assert made.parents == [x]


def test_what_is_returned_must_travel_exactly(pool, x):
    with pytest.raises(TraceError, match=r"value of lock:\d \(operation lock\).*ends_with_a_lock"):
        submit(pool, remote.ends_with_a_lock, x).result()
    with pytest.raises(TraceError, match="what make_lock returned cannot be sent back"):
        submit(pool, remote.make_lock).result()


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


def test_a_call_that_has_not_begun_can_be_cancelled(x):
    with ThreadPoolExecutor(1) as threads:
        first = submit(threads, time.sleep, 0.1)
        second = submit(threads, remote.scale, x)
        assert second.cancel()
        assert second.cancelled()
        assert first.result() is None
        assert not first.cancel()
        assert not first.running()


# --- the values of the record -------------------------------------------------------------


def test_the_record_shows_the_past(pool, x):
    local, far = remote.pushes(x), submit(pool, remote.pushes, x).result()
    first, second = far.parents
    (items,) = (n for n in set(first.parents) & set(second.parents) if n is not x)
    assert items.data == [0, 3, 3]
    assert items.recorded == local.parents[0].inputs["items"].recorded
    assert form(Graph.of(far)) == form(Graph.of(local))
    mine = node([0])
    grafted = submit(pool, remote.pushes_on, mine, x).result()
    assert grafted.data == 2
    assert mine.data == [0]


@pytest.mark.parametrize("through", ["here", "pool"])
def test_the_inside_of_a_call_is_there(pool, x, through):
    local = remote.inner(x)
    far = here(remote.inner, x) if through == "here" else submit(pool, remote.inner, x).result()
    assert far.hidden_dependencies == {remote.SHIFT.by}
    graphs = [TraceGraph.expand(n) for n in (local, far)]
    inside, outside = ([n.op_name for n in graph.nodes] for graph in graphs)
    assert inside == outside
    assert "multiply" in inside
    remote.SHIFT.by.zero_feedback()
    far.backward("more")
    assert list(remote.SHIFT.by.feedback) == [far]
    remote.SHIFT.by.zero_feedback()


def test_two_kinds_of_nodes_with_one_name_stay_apart(x):
    # Names are counted anew in each process: there, the new node may be called as ours is.
    ours = x + 1
    far = here(operator.add, ours, 1)
    assert far.parents[0] is ours
    assert far.name != ours.name


# --- many calls ---------------------------------------------------------------------------


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


# --- snapshots ----------------------------------------------------------------------------


def test_a_snapshot_that_came_as_text_becomes_nodes(x, p):
    local = remote.weighted(x, p)
    text = Graph.of(local).to_json()
    ours, mine = node(3, name="x"), node(1, name="p", trainable=True)
    (far,) = graft(Graph.from_json(text), {x.py_name: ours, p.py_name: mine})
    assert form(Graph.of(far))[0][2:] == form(Graph.of(local))[0][2:]
    assert far.parents[0].inputs["v"] is ours
    far.backward("f")
    assert mine.feedback[far][0].user_feedback == "f"
    (again,) = graft(Graph.of(local), [p])
    assert again.parents[1] is p
    assert again.parents[0].inputs["v"] is not x


def test_a_failure_in_a_snapshot_too(p):
    with pytest.raises(ExecutionError) as caught:
        remote.divide(p, 0)
    (far,) = graft(Graph.of(caught.value.exception_node), [p])
    assert far.create_feedback() == "(ZeroDivisionError) division by zero"
    assert far.parents[0] is p


def test_several_outputs_and_none(x, p):
    graph = Graph.of(x + 1, x * 2)
    assert [n.op_name for n in graft(graph)] == ["add", "multiply"]
    assert [n.data for n in graft(Graph(graph.steps))] == [4, 6]


@pytest.mark.parametrize(
    ("steps", "inputs", "error", "words"),
    [
        ((Step("p0", 1, "parameter", 0),), {}, TraceMissingInputsError, "'p0': parameter"),
        ((Step("x0", 1, "node", 0),), {"x1": node(1)}, NodeError, "no step 'x1'; known: 'x0'"),
        ((Step("x0", 1, "node", 0),), {"x0": 1}, NodeError, "x0 is a int"),
        ((Step("x0", 1, "node", 0),), [1], NodeError, "one of them is a int"),
        ((Step("x0", 1, "thing", 0),), {}, StoreError, "'thing'"),
        ((Step("y0", 1, "message", 1, "add", (("x", "z0"),)),), {}, StoreError, "before it"),
    ],
)
def test_what_is_no_graph_is_refused(steps, inputs, error, words):
    with pytest.raises(error, match=words):
        graft(Graph(steps), inputs)


# --- random programs ----------------------------------------------------------------------

FORMS = st.sampled_from(["plain", "rule", "mixer"])


@settings(max_examples=100)
@given(program=programs(max_steps=8), data=st.data())
def test_random_programs_are_the_same_there(pool, program, data):
    steps = [(data.draw(FORMS), step.operation.name, step.operands) for step in program.steps]
    runs = []
    for run in (remote.run, lambda *args: submit(pool, remote.run, *args).result()):
        values = copy.deepcopy(program.inputs)
        inputs = [
            {"raw": lambda v: v, "node": node, "parameter": partial(node, trainable=True)}[kind](v)
            for kind, v in zip(program.kinds, values, strict=True)
        ]
        mixer = remote.Mixer()
        _ = mixer.mix  # asked for the first time, it makes nodes: before the run in both
        runs.append((outcome(run, steps, inputs, mixer), inputs, mixer))
    (local, _, _), (far, _, _) = runs
    assert type(far) is type(local)
    if not isinstance(far, Node):
        assert repr(far) == repr(local)
        return
    assert form(Graph.of(far)) == form(Graph.of(local))
    told = []
    for output, inputs, mixer in runs:
        parameters = [v for v in inputs if isinstance(v, ParameterNode)]
        parameters += [
            *mixer.parameters(),
            remote.same_rule.parameter,
            remote.strict_rule.parameter,
        ]
        for parameter in parameters:
            parameter.zero_feedback()
        output.backward("f")
        reached = [q in output.parameter_dependencies for q in parameters]
        heard = [form(Graph.of(sum_feedback([q]))) for q in parameters if q.feedback]
        told.append((reached, heard))
        assert reached == [bool(q.feedback) for q in parameters]
    assert told[0] == told[1]


def outcome(run, *args):
    """What a program returns; the node of what failed; or the exception on raw values."""
    try:
        return run(*args)
    except ExecutionError as error:
        return error.exception_node
    except Exception as error:  # noqa: BLE001 - a step on raw values raises what Python raises
        return error
