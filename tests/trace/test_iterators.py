"""Iterating over nodes (SPEC 2.6)."""

from __future__ import annotations

import pytest

from opto.errors import ExecutionError
from opto.trace import Node, bundle, node
from opto.trace.iterators import DictIterable, SeqIterable, iterate
from opto.trace.nodes import ExceptionNode
from opto.trace.utils import sum_feedback


@pytest.mark.parametrize("value", [[1, 2, 3], (1, 2, 3), "abc", [], ""])
@pytest.mark.parametrize("how", [iter, iterate, lambda n: n])
def test_a_sequence_gives_items_by_index(value, how):
    x = node(value, trainable=True)
    items = list(how(x))
    assert [n.data for n in items] == list(value)
    assert all(n.op_name == "getitem" for n in items)
    assert all(n.parameter_dependencies == {x} for n in items)
    assert isinstance(iterate(x), SeqIterable)


def test_an_array_gives_its_rows():
    numpy = pytest.importorskip("numpy")
    x = node(numpy.arange(6).reshape(3, 2))
    assert [list(n.data) for n in x] == [[0, 1], [2, 3], [4, 5]]


def test_a_set_gives_its_items():
    x = node({1, 2, 3}, trainable=True)
    items = list(x)
    assert {n.data for n in items} == {1, 2, 3}
    assert all(n.parameter_dependencies == {x} for n in items)


def test_a_dictionary_gives_its_keys_and_pairs():
    x = node({"a": 1, "b": 2}, trainable=True)
    keys = list(x)
    assert [k.data for k in keys] == ["a", "b"]
    assert isinstance(x.items(), DictIterable)
    pairs = list(x.items())
    assert [(k.data, v.data) for k, v in pairs] == [("a", 1), ("b", 2)]
    for each in [*keys, *(n for pair in pairs for n in pair)]:
        assert each.parameter_dependencies == {x}


def test_keys_and_values_can_be_iterated():
    x = node({"a": 1, "b": 2})
    assert [k.data for k in x.keys()] == ["a", "b"]  # noqa: SIM118 - the method is what is tested
    assert [v.data for v in x.values()] == [1, 2]


@pytest.mark.parametrize("value", [3, None, 2.5, object(), range(3), iter([1]), (i for i in "a")])
def test_what_cannot_be_iterated_is_an_output_of_the_program(value):
    x = node(value, trainable=True)
    with pytest.raises(ExecutionError) as caught:
        list(x)
    failed = caught.value.exception_node
    assert isinstance(failed, ExceptionNode)
    assert failed.data.startswith("(TypeError) ")
    assert type(value).__name__ in failed.data
    failed.backward(failed.create_feedback("full"))
    assert "TypeError" in str(sum_feedback([x]).user_feedback)


def test_unpacking():
    a, (b, *rest) = node([1, (2, 3, 4)], trainable=True)
    assert (a.data, b.data, [n.data for n in rest]) == (1, 2, [3, 4])
    with pytest.raises(ValueError, match="unpack"):
        a, b = node([1, 2, 3])


def test_star_arguments():
    f = bundle()(lambda *a: sum(a))
    x = node([1, 2, 3], trainable=True)
    y = f(*x)
    assert (y.data, len(y.parents), y.parameter_dependencies) == (6, 3, {x})


def test_nested_loops_over_one_node():
    x = node([1, 2])
    assert [(a.data, b.data) for a in x for b in x] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [(a.data, b.data) for a, b in zip(x, x, strict=True)] == [(1, 1), (2, 2)]


def test_items_of_the_result_of_a_function():
    x = node(2, trainable=True)
    y = bundle()(lambda v: [v, v + 1])(x)
    items = list(enumerate(y))
    assert [(i, n.data) for i, n in items] == [(0, 2), (1, 3)]
    items[1][1].backward("f")
    assert sum_feedback([x]).user_feedback == "f"


def test_items_with_equal_values_stay_apart():
    numpy = pytest.importorskip("numpy")
    x = node([numpy.ones(2), numpy.ones(2)], trainable=True)
    first, second = x
    assert first is not second
    assert all(isinstance(n, Node) for n in (first, second))


def test_a_loop_sees_what_is_appended():
    x = node([1, 2])
    seen = []
    for item in x:
        seen.append(item.data)
        if len(seen) < 4:
            x._data.append(len(seen) + 2)
    assert seen == [1, 2, 3, 4, 5]
