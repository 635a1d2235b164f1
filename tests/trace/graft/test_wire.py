"""Objects as bytes in which each node is a number."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given

from opto.trace import node
from opto.trace.graft.wire import Reader, Writer, arrives, same, travels
from tests.support import remote
from tests.trace.test_graph import exact, values


def test_a_node_is_what_the_reader_makes_of_its_number():
    x = node(1)
    writer = Writer(lambda n: (n.name, n is x))
    shared = [x]
    for thing in ({"a": x, "b": shared}, shared):
        writer.dump(thing)
    asked = []
    reader = Reader(writer.written(), lambda *number: asked.append(number) or "here")
    first, second = reader.load(), reader.load()
    assert first == {"a": "here", "b": ["here"]}
    assert second is first["b"]
    assert asked == [(x.name, True)]


def test_no_other_reader_makes_nodes_of_numbers():
    writer = Writer(lambda n: (1,))
    writer.dump(node(1))
    with pytest.raises(pickle.UnpicklingError, match="Reader"):
        pickle.loads(writer.written())  # noqa: S301 - our own bytes


def test_what_is_met_is_noted_and_what_is_bound_late_is_bound():
    writer = Writer(lambda n: ())
    agent = remote.Agent("Hello")
    before = set(vars(agent))
    writer.dump([remote.scale, agent, len])
    assert {remote.scale, remote.Agent} <= set(writer.met)
    made = {name.rpartition("_")[2] for name in vars(agent).keys() - before}
    assert made == {"act", "shout", "node"}


@given(values)
def test_a_value_is_the_same_as_what_arrives_of_it(value):
    writer = Writer(lambda n: ())
    writer.dump(value)
    back = Reader(writer.written(), None).load()
    assert exact(back) == exact(value)
    assert travels(value) is arrives(value) is None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1, True),
        (1, 1.0, False),
        ([1], [1.0], False),
        ([1], [True], False),
        ({"a": [1]}, {"a": [1]}, True),
        ("a", "b", False),
        (object(), object(), False),
    ],
)
def test_values_are_the_same_if_they_are_equal_and_read_alike(one, other, alike):
    assert same(one, one)
    assert same(one, other) is alike


def test_arrays_are_compared_as_wholes():
    numpy = pytest.importorskip("numpy")
    assert same(numpy.arange(3), numpy.arange(3))
    assert not same(numpy.arange(3), numpy.arange(3) + 1)


def test_what_cannot_be_read_back_is_told_from_what_cannot_be_written():
    assert travels(lambda: 0).startswith(("PicklingError", "AttributeError"))
    error = remote.PickyError(1, 2)
    assert travels(error) is None
    assert arrives(error).startswith("TypeError")
