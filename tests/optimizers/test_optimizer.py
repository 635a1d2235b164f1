import copy

import numpy as np
import pytest

from opto.errors import ArgumentError, BackwardError, OptimizerError
from opto.optimizers import Optimizer
from opto.optimizers.optimizer import AbstractOptimizer
from opto.optimizers.proposal import Update
from opto.trace import Module, bundle, model, node
from opto.trace.projections import Range
from opto.trace.propagators import GraphPropagator, Propagator


class Add(Optimizer):
    def _step(self, amount=1):
        return {p: p.data + amount for p in self.parameters}


@model
class Agent:
    def __init__(self):
        self.rate = node(1, trainable=True)

    @bundle(trainable=True)
    def act(self, x):
        return x


# -- parameters ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ([], "no trainable parameter.*trainable=True"),
        (None, "a list of parameters, not a NoneType"),
        ((p for p in ()), r"not a generator; write list\(...\)"),
        ({1: 2}, "not a dict"),
        ([1], "ParameterNodes only, not 1; make it with node"),
        ([node(1)], "ParameterNodes only"),
        (node(1, name="p", trainable=True), r"write \[p0\]"),
    ],
)
def test_parameters_that_are_none_are_refused(parameters, what):
    with pytest.raises(OptimizerError, match=what):
        Add(parameters)


def test_a_module_is_told_apart_from_its_parameters():
    agent = Agent()
    assert isinstance(agent, Module)
    with pytest.raises(OptimizerError, match=r"write module\.parameters\(\)"):
        Add(agent)
    assert len(Add(agent.parameters()).parameters) == 2


def test_parameters_without_a_trainable_one_are_refused(x):
    x.trainable = False
    with pytest.raises(OptimizerError, match="no trainable parameter"):
        Add([x])


def test_a_parameter_that_is_listed_twice_counts_once(x):
    assert Add([x, x]).parameters == [x]
    assert Add((x,)).parameters == [x]


def test_equal_parameters_are_several():
    one, other = node([1], trainable=True), node([1], trainable=True)
    assert len(Add([one, other, one]).parameters) == 2
    arrays = [node(np.ones(2), trainable=True) for _ in range(2)]
    assert len(Add(arrays).parameters) == 2


def test_unknown_arguments_are_refused(x):
    """SPEC 11.C7."""
    with pytest.raises(ArgumentError, match="'propagater'; did you mean 'propagator'"):
        Add([x], propagater=None)
    with pytest.raises(ArgumentError, match="Add"):
        Add([x], 5)
    with pytest.raises(OptimizerError, match="must be a Propagator"):
        Add([x], propagator="graph")


# -- feedback ------------------------------------------------------------------------------


def test_feedback_is_gathered_and_forgotten(x):
    optimizer = Add([x])
    optimizer.backward(x + 1, "larger")
    assert optimizer.trace_graph.user_feedback == "larger"
    optimizer.zero_feedback()
    assert not optimizer.trace_graph


def test_backward_takes_all_arguments_of_the_nodes(x):
    y = x + 1
    optimizer = Add([x])
    optimizer.backward(y, "one", retain_graph=True)
    optimizer.backward(y, feedback="two")
    assert "one" in str(optimizer.trace_graph.feedback)
    with pytest.raises(BackwardError):
        optimizer.backward(y, "three")


def test_backward_from_something_else_is_refused(x):
    with pytest.raises(OptimizerError, match=r"not a int; the value of a node \(\.data\)"):
        Add([x]).backward((x + 1).data, "larger")


def test_several_outputs_may_have_different_feedback(x):
    """SPEC 11.C6."""
    optimizer = Add([x])
    optimizer.backward(x + 1, "too small")
    optimizer.backward(x * 2, "fine")
    assert {r.content for r in optimizer.trace_graph.feedback.remarks} == {"too small", "fine"}


def test_another_propagator_and_its_optimizer_work():
    """The tutorial of the original: numbers as gradients."""

    class Slope(Propagator):
        def init_feedback(self, node, feedback):
            return feedback

        def _propagate(self, child):
            total = sum(said for shares in child.feedback.values() for said in shares)
            return dict.fromkeys(child.parents, total)

    class Descend(Optimizer):
        def default_propagator(self):
            return Slope()

        def _step(self, rate):
            return {
                p: p.data - rate * sum(v for said in p.feedback.values() for v in said)
                for p in self.parameters
            }

    p = node(5.0, trainable=True)
    optimizer = Descend([p])
    optimizer.backward(p + 1.0, 2.0)
    assert optimizer.trace_graph == 2.0
    optimizer.step(0.5)
    assert p.data == 4.0


# -- steps ---------------------------------------------------------------------------------


def test_a_step_changes_and_tells(x):
    result = Add([x]).step(2)
    assert isinstance(result, Update)
    assert (x.data, result[x], dict(result), bool(result)) == (5, 5, {x: 5}, True)
    result.undo()
    assert x.data == 3


def test_a_step_can_only_say_what_it_would_do(x):
    result = Add([x]).step(bypassing=True)
    assert (x.data, result[x]) == (3, 4)
    assert Add([x]).propose() == {x: 4}
    assert x.data == 3


def test_a_step_projects_and_refuses(x):
    x.projections = [Range(0, 4)]
    result = Add([x]).step(5)
    assert (x.data, bool(result), result.refused[0].name) == (3, False, "x0")


def test_parameters_that_are_not_trainable_stay(x):
    other = node(1, trainable=True)
    other.trainable = False
    result = Add([x, other]).step()
    assert (x.data, other.data) == (4, 1)
    assert "not trainable" in result.refused[0].why
    Add([x, other]).update({x: 9, other: 9})
    assert (x.data, other.data) == (9, 1)


def test_project_gives_what_no_projection_refuses(x):
    y = node(1, trainable=True, projections=[Range(0, 4)])
    z = node(1, trainable=True, projections=[Range(0, 4, clip=True)])
    assert Add([x, y, z]).project({x: 9, y: 9, z: 9}) == {x: 9, z: 4}


def test_an_own_projection_of_values_is_used(x):
    """SPEC 7.1: a step projects by `project`."""

    class Even(Add):
        def project(self, update_dict):
            return {p: value + value % 2 for p, value in super().project(update_dict).items()}

    optimizer = Even([x])
    before = x.data
    update = optimizer.step(2 if before % 2 else 1, bypassing=True)
    assert (x.data, update[x]) == (before, before + 2 + before % 2)
    optimizer.step(2 if before % 2 else 1)
    assert x.data == before + 2 + before % 2


@pytest.mark.parametrize("proposed", [None, 5, [("x", 1)], {"x0": 1}])
def test_a_step_that_gives_no_values_by_parameter_is_refused(x, proposed):
    class Odd(Optimizer):
        def _step(self):
            return proposed

    with pytest.raises(OptimizerError, match=r"_step\(\) must return .*by parameter"):
        Odd([x]).step()


def test_an_own_update_is_used(x):
    class Half(Add):
        def update(self, update_dict):
            super().update({p: v // 2 for p, v in update_dict.items()})

    Half([x]).step(7)
    assert x.data == 5


def test_without_a_step_of_its_own_an_optimizer_says_so(x):
    with pytest.raises(NotImplementedError, match="Optimizer must write _step"):
        Optimizer([x]).step()
    with pytest.raises(TypeError, match="abstract"):
        AbstractOptimizer([x])


def test_a_copy_shares_the_parameters_and_nothing_else(x):
    optimizer = Add([x])
    optimizer.notes = ["a"]
    twin = copy.deepcopy(optimizer)
    assert twin.parameters[0] is x
    assert twin.parameters is not optimizer.parameters
    assert twin.propagator is optimizer.propagator
    twin.notes.append("b")
    assert optimizer.notes == ["a"]


def test_the_default_propagator_is_the_graphs(x):
    assert isinstance(Add([x]).propagator, GraphPropagator)
