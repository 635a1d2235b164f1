"""Operations over containers of nodes (SPEC 4.5)."""

from __future__ import annotations

import pytest

from opto.trace import NodeContainer, apply_op, node
from opto.trace import operators as ops
from opto.trace.broadcast import recursive_conversion


class Pair(NodeContainer):
    def __init__(self, left, right) -> None:
        self.left, self.right = left, right


double = recursive_conversion(lambda n: n.data * 2, lambda leaf: leaf)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (lambda x: x, 6),
        (lambda x: 7, 7),
        (lambda x: [x, 1], [6, 1]),
        (lambda x: (x, [x]), (6, [6])),
        (lambda x: {"k": x, 2: 1}, {"k": 6, 2: 1}),
        (lambda x: {x, 9}, {6, 9}),
        (lambda x: [], []),
    ],
)
def test_conversion_goes_through_containers(given, expected):
    value = given(node(3))
    result = double(value)
    assert result == expected
    assert type(result) is type(expected)


def test_conversion_copies_a_container_of_nodes():
    pair = Pair(node(1), [node(2), "leaf"])
    result = double(pair)
    assert type(result) is Pair
    assert (result.left, result.right) == (2, [4, "leaf"])
    assert result is not pair
    assert pair.left.data == 1


def test_nodes_alone_are_one_operation():
    x, y = node(1), node(2)
    result = apply_op(ops.add, x, x, y)
    assert result.data == 3
    assert result.parents == [x, y]


def test_lists_are_taken_item_by_item():
    x = [node(1), node(2)]
    y = [node(10), node(20)]
    output = [None, None]
    result = apply_op(ops.add, output, x, y)
    assert [n.data for n in result] == [11, 22]
    assert result is output


def test_a_node_is_given_to_every_item():
    x, y = [node(1), node(2)], node(10)
    result = apply_op(ops.add, [None, None], x, y)
    assert [n.data for n in result] == [11, 12]
    assert all(n.parents[1] is y for n in result)


def test_dictionaries_are_taken_key_by_key():
    x = {"a": node(1), "b": node(2)}
    result = apply_op(ops.multiply, {"a": None, "b": None}, x, x)
    assert {k: n.data for k, n in result.items()} == {"a": 1, "b": 4}


def test_containers_are_taken_attribute_by_attribute_also_by_keyword():
    x, y = Pair(node(1), node(2)), Pair(node(10), node(20))
    for result in (
        apply_op(ops.add, Pair(None, None), x, y),
        apply_op(ops.add, Pair(None, None), x=x, y=y),
        apply_op(ops.add, Pair(None, None), x, y=y),
    ):
        assert (result.left.data, result.right.data) == (11, 22)


def test_containers_may_be_nested():
    x = [{"a": node(1)}, {"a": node(2)}]
    result = apply_op(ops.neg, [{"a": None}, {"a": None}], x)
    assert [d["a"].data for d in result] == [-1, -2]


def test_a_tuple_gives_a_tuple():
    x = (node(1), node(2))
    result = apply_op(ops.neg, (None, None), x)
    assert isinstance(result, tuple)
    assert [n.data for n in result] == [-1, -2]


@pytest.mark.parametrize(
    ("output", "args"),
    [([None], ([1, 2], [1])), ([None, None], ([1], [1])), ([None], ({"a": 1},))],
)
def test_containers_that_do_not_match_are_refused(output, args):
    wrapped = recursive_conversion(lambda n: n, node)
    with pytest.raises((ValueError, TypeError)):
        apply_op(ops.add, output, *(wrapped(a) for a in args))
