"""A parameter that is used elsewhere is the one here, at its value of now."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import (
    TraceError,
    TraceMissingInputsError,
)
from opto.trace import node
from opto.trace.graft import submit
from opto.trace.graph import Graph
from opto.trace.nodes import ParameterNode
from tests.support import remote
from tests.support.grafts import form


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
        (remote.Tool.static, remote.Tool.static.parameter, "def static(x):\n    return -x", 4, -3),
        (remote.use_a_tool, remote.Tool.static.parameter, "def static(x):\n    return -x", 20, 13),
        (remote.use_a_tool, remote.Tool.offset, 2, 20, 26),
        (remote.use_a_tool, remote.LEVEL, 0, 20, 10),
        (remote.by_attribute, remote.HOLDER.held, 6, 8, 9),
        (remote.decorated, remote.AMOUNTS[0], 3, 32, 33),
        (remote.decorated, remote.OFFSET, 3, 32, 35),
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


def test_what_is_imported_on_the_way_is_imported_here_too(pool, x, monkeypatch):
    # Who looks for examples in all files has imported it.
    monkeypatch.delitem(sys.modules, "tests.support.late", raising=False)
    outputs = [submit(pool, remote.late_import, x).result() for _ in range(3)]
    late = sys.modules["tests.support.late"].LATE
    assert [output.parents[1] is late for output in outputs] == [True] * 3
    late._set(5)
    assert submit(pool, remote.late_import, x).result().data == 8


@pytest.mark.parametrize("program", [remote.by_slot, remote.by_slot_read])
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
