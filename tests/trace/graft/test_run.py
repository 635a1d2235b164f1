"""Programs run elsewhere as they would here."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Node, bundle, node, stop_tracing
from opto.trace.graft import Call, perform, submit
from opto.trace.graph import Graph
from opto.trace.nodes import ParameterNode, name_scope
from opto.trace.oldnames import disable_external_dependencies_check
from opto.trace.tape import carried
from opto.trace.utils import sum_feedback
from tests.properties.strategies import programs
from tests.support import remote
from tests.support.grafts import form


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


def test_calls_that_run_in_threads_of_another_process_do_not_mix(x, monkeypatch):
    with remote.restored(remote.LEVEL, remote.rule.parameter):
        calls = []
        for level in (1, 2, 3):
            remote.LEVEL._set(level)
            remote.rule.parameter._set(f"def rule(x):\n    return x + {level}")
            calls.append(Call(remote.slow_by_name, x))
        # As in another process, whose parameters are not those here.
        monkeypatch.setattr("opto.trace.graft.run.process", lambda: (0, b""))
        with ThreadPoolExecutor(6) as threads:
            replies = list(threads.map(perform, [call.payload for call in calls * 8]))
    values = [call.result(reply).data for call, reply in zip(calls * 8, replies, strict=True)]
    assert values == [4, 10, 18] * 8


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


FORMS = st.sampled_from(["plain", "rule", "mixer", "enclosed"])


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
        for parameter in (*parameters, remote.EXTRA):
            parameter.zero_feedback()
        output.backward("f")
        reached = [q in output.parameter_dependencies for q in parameters]
        assert reached == [bool(q.feedback) for q in parameters]
        heard = [
            (i, form(Graph.of(sum_feedback([q]))))
            for i, q in enumerate((*parameters, remote.EXTRA))
            if q.feedback
        ]
        told.append((reached, heard))
    assert told[0] == told[1]


def outcome(run, *args):
    """What a program returns; the node of what failed; or the exception on raw values."""
    try:
        return run(*args)
    except ExecutionError as error:
        return error.exception_node
    except Exception as error:  # noqa: BLE001 - a step on raw values raises what Python raises
        return error
