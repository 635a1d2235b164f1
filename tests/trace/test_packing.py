"""Plain containers with nodes in them (SPEC A15)."""

from __future__ import annotations

import pytest

from opto.errors import NodeError
from opto.trace import Module, NodeContainer, bundle, node
from opto.trace.packing import holds_nodes, mapped, nodes_in, packed, to_data


class Pair(NodeContainer):
    def __init__(self, left, right):
        self.left, self.right = left, right


CONTAINERS = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"a": a, "b": b},
    "nested": lambda a, b: [a, {"b": (b,)}],
    "set": lambda a, b: {a, b},
}


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_a15_the_function_sees_values_and_the_nodes_hear(make):
    a, b = node(1, trainable=True), node(2, trainable=True)
    seen = []
    y = bundle()(lambda v: seen.append(v))(make(a, b))
    assert seen == [make(1, 2)]
    y.backward("more")
    assert a.feedback
    assert b.feedback


def test_a15_containers_of_the_users_own():
    a, b = node(1, trainable=True), 2
    seen = []
    pair = Pair(a, b)
    y = bundle()(lambda v: seen.append((v.left, v.right)))(pair)
    assert seen == [(1, 2)]
    assert pair.left is a
    assert y.parameter_dependencies == {a}


def test_a_module_is_given_whole():
    class Agent(Module):
        def __init__(self):
            self.prompt = node("p", trainable=True)

    agent, seen = Agent(), []
    bundle()(lambda v: seen.append(v))(agent)
    assert seen == [agent]


def test_slices_may_hold_nodes():
    x, end = node([1, 2, 3]), node(2, trainable=True)
    y = x[0:end]
    assert y.data == [1, 2]
    assert y.parameter_dependencies == {end}


def test_plain_containers_are_left_alone():
    plain = [1, {"a": (2,)}, {3}]
    assert not holds_nodes(plain)
    assert list(nodes_in(plain)) == []
    y = bundle()(lambda v: v is plain)(plain)
    assert y.data is True


def test_a_container_that_holds_itself():
    loop = [node(1)]
    loop.append(loop)
    assert [n.data for n in nodes_in(loop)] == [1]
    assert bundle()(lambda v: v[0])(loop).data == 1


def test_mapped_and_to_data_keep_the_form():
    value = Pair(node(1), [node(2), slice(node(0), None)])
    plain = to_data(value)
    assert (plain.left, plain.right) == (1, [2, slice(0, None)])
    assert mapped([1, node(2)], lambda n: "node", str) == ["1", "node"]


def test_a_packed_node_names_where_each_part_stood():
    a = node(1)
    made = packed({"first": a, "second": [a, 5]}, "given")
    assert made.data == {"first": 1, "second": [1, 5]}
    assert list(made.inputs) == ["first", "second"]
    assert made.name.startswith("given:")


def test_a_set_of_nodes_whose_values_cannot_be_in_a_set_is_refused_with_the_way_out():
    inside = bundle(traceable_code=True)(lambda v: {node([1, 2])})
    for job in (lambda: inside(1), lambda: bundle()(len)({node([1])})):
        with pytest.raises(NodeError, match="use a list of the nodes"):
            job()
