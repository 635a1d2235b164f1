"""How many questions, in how many rounds, about what."""

import random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm import Reply, ScriptedLLM
from opto.optimizers.drive import drive
from opto.optimizers.textgrad import TextGrad
from opto.optimizers.textgrad_course import course_of
from opto.trace import GRAPH, bundle, node
from opto.trace.graph import Graph
from tests.optimizers.textgrads import Model, scale


@bundle()
def total(*numbers):
    """Add up"""
    return sum(numbers)


def course(parameters, output, feedback="larger", **options):
    optimizer = TextGrad(parameters, llm=ScriptedLLM([]), **options)
    optimizer.zero_feedback()
    optimizer.backward(output, feedback)
    return optimizer.summarize()


def golden():
    """SPEC 12 A.1."""
    x = node(3, name="x", trainable=True)
    b = node(1, name="b")
    return x, (scale(x) + b) * x


def diamond():
    x = node(3, name="x", trainable=True)
    y = x * 2
    return x, (y + 1) * (y - 1)


def test_the_golden_graph():
    """Three steps and a parameter; by edges, four edges that learn and a parameter."""
    x, w = golden()
    found = course([x], w)
    assert [stretch.inputs for stretch in found.stretches.values()] == [
        ("add0", "x0"),
        ("scale0",),
        ("x0",),
    ]
    assert (found.calls, found.rounds) == (3 + 1, 4)
    x, w = golden()
    found = course([x], w, per_edge=True)
    assert (found.calls, found.rounds) == (4 + 0 + 1, 4)


def test_where_all_inputs_learn_it_is_the_originals_count():
    """SPEC 7.7: edges + values in between with several gradients + parameters."""
    x, k, b = (node(n, name=name, trainable=True) for n, name in [(3, "x"), (2, "k"), (1, "b")])
    found = course([x, k, b], (scale(x, k) + b) * x, per_edge=True)
    assert found.calls == 6 + 0 + 3


def test_the_diamond():
    """In y the ways meet again: by edges its two wishes are merged first."""
    x, output = diamond()
    found = course([x], output)
    assert (found.calls, found.rounds) == (4 + 1, 4)
    x, output = diamond()
    found = course([x], output, per_edge=True)
    assert (found.calls, found.rounds) == (5 + 1 + 1, 5)


def test_nothing_is_asked_about_what_cannot_learn():
    x = node(3, name="x", trainable=True)
    other, fixed = node(1, trainable=True), node(1, trainable=True)
    fixed.trainable = False
    constant = node(5) + 1
    found = course([x, fixed], (x + constant) * (other * 2 + fixed))
    assert {given for stretch in found.stretches.values() for given in stretch.inputs} == {
        "add1",
        "x0",
    }
    assert found.targets == ("x0",)


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_rounds_are_the_levels_of_the_graph(depth):
    z = x = node(1, name="x", trainable=True)
    for _ in range(depth):
        z = z + x
    found = course([x], z)
    assert (found.calls, found.rounds) == (depth + 1, depth + 1)


def test_a_parameter_that_is_the_output_is_asked_for_at_once():
    x = node(1, name="x", trainable=True)
    found = course([x], x)
    assert (found.calls, found.rounds, found.stretches) == (1, 1, {})


def test_a_step_of_many_inputs_takes_several_questions():
    many = [node(n, trainable=True) for n in range(30)]
    found = course(many, total(*many))
    assert (found.calls, found.rounds) == (3 + 30, 2)


def test_a_long_chain_is_asked_about_in_stretches():
    z = x = node(1, name="x", trainable=True)
    for _ in range(1000):
        z = z + 1
    found = course([x], z, max_calls=50)
    assert 40 <= found.calls <= 50
    assert found.rounds <= 50
    assert sum(len(stretch.steps) for stretch in found.stretches.values()) == 1000
    assert not found.left_out
    assert not found.missed


def test_of_a_wide_graph_uses_are_left_out_and_counted():
    x = node(1, name="x", trainable=True)
    found = course([x], total(*[x * n for n in range(500)]), max_calls=20)
    assert found.calls <= 20
    assert found.targets == ("x0",)
    asked = found.asks["x0"]
    folded = sum(len(s.steps) for s in found.stretches.values())
    assert asked >= 5
    assert found.left_out["x0"] > 100
    assert asked + found.left_out["x0"] + folded > 500


def test_the_nearest_parameters_come_first():
    far, near = node(1, name="far", trainable=True), node(2, name="near", trainable=True)
    z = far
    for _ in range(3):
        z = total(z, *[z * 2 for _ in range(9)])
    found = course([far, near], z + near, max_calls=2)
    assert found.targets == ("near0",)
    assert found.missed == ("far0",)
    assert found.calls == 2


@given(st.sampled_from([1, 2, 3, 5, 8, 13, 40]), st.booleans(), st.integers(0, 10**6))
def test_the_bound_holds_for_any_graph(most, per_edge, seed):
    """And what is planned is what is asked, in the rounds that were said."""
    chance = random.Random(seed)
    GRAPH.clear()
    nodes = [node(n, name=f"p{n}_", trainable=n % 3 > 0) for n in range(5)]
    for _ in range(chance.randrange(1, 30)):
        nodes.append(total(*chance.sample(nodes, min(len(nodes), chance.randrange(1, 5)))))
    parameters = [n for n in nodes[:5] if n.trainable]
    model = Model()
    optimizer = TextGrad(parameters, llm=model.llm(), max_calls=most, per_edge=per_edge)
    for output in chance.sample(nodes[5:], min(2, len(nodes) - 5)):
        optimizer.backward(output, f"about {output.name}", retain_graph=True)
    if not optimizer.trace_graph:
        return
    found = optimizer.summarize()
    assert found.calls <= most
    rounds = []

    def answer(requests):
        rounds.append(len(requests))
        return tuple(Reply(model(request.messages)) for request in requests)

    proposal = drive(optimizer.plan(found), answer)
    # A user may say two things of one parameter and be asked once; else all is as it was said.
    assert (sum(rounds), len(rounds)) == (found.calls, found.rounds)
    assert {*proposal.values, *proposal.unchanged} == set(found.targets)
    assert {refusal.name for refusal in proposal.refused} == set(found.missed)
    whole = course_of(
        Graph.of(optimizer.trace_graph), optimizer._named, found.said, per_edge=per_edge
    )
    assert set(whole.targets) == {*found.targets, *found.missed}


def planned(steps):
    GRAPH.clear()
    z = x = node(1, name="x", trainable=True)
    for number in range(steps):
        z = z + (x if number % 50 == 0 else 1)
    model = Model()
    optimizer = TextGrad([x], llm=model.llm())
    optimizer.backward(z, "larger")
    begin = process_time()
    optimizer.step()
    assert len(model.users) <= 200
    return process_time() - begin


def test_ten_thousand_steps_take_time_in_proportion():
    """A quadratic way back would take four times as long, and a recursive one would fail."""
    once, twice = (min(planned(steps) for _ in range(3)) for steps in (5_000, 10_000))
    assert twice / once < 3.2
