"""The functions of `opto.trace.operators`, against plain Python (SPEC 5)."""

from __future__ import annotations

import copy
import math
import operator
import sys

import pytest

from opto.errors import ExecutionError
from opto.trace import node
from opto.trace import operators as ops
from opto.trace.nodes import MessageNode


def changed(method: str, *args, **kwargs):
    """The plain counterpart of a functional mutator: a copy, changed by `method`."""

    def plain(x, *_):
        x = copy.copy(x)
        getattr(x, method)(*args, **kwargs)
        return x

    return plain


PLAIN = [
    ("clone", copy.deepcopy, ([1, [2]],)),
    ("pos", operator.pos, (3,)),
    ("neg", operator.neg, (3,)),
    ("abs", abs, (-3,)),
    ("invert", operator.invert, (3,)),
    ("round", round, (2.567, 1)),
    ("floor", math.floor, (2.5,)),
    ("ceil", math.ceil, (2.5,)),
    ("trunc", math.trunc, (2.5,)),
    ("add", operator.add, (3, 4)),
    ("subtract", operator.sub, (3, 4)),
    ("multiply", operator.mul, (3, 4)),
    ("floor_divide", operator.floordiv, (7, 2)),
    ("divide", operator.truediv, (7, 2)),
    ("mod", operator.mod, (7, 4)),
    ("node_divmod", divmod, (7, 4)),
    ("power", operator.pow, (2, 5)),
    ("lshift", operator.lshift, (3, 2)),
    ("rshift", operator.rshift, (12, 2)),
    ("and_", operator.and_, (6, 3)),
    ("or_", operator.or_, (6, 3)),
    ("xor", operator.xor, (6, 3)),
    ("lt", operator.lt, (1, 2)),
    ("le", operator.le, (1, 2)),
    ("eq", operator.eq, (1, 2)),
    ("eq", operator.eq, ([1], [1])),
    ("neq", operator.ne, (1, 2)),
    ("ne", operator.ne, (1, 1)),
    ("ge", operator.ge, (1, 2)),
    ("gt", operator.gt, (1, 2)),
    ("cond", lambda c, x, y: x if c else y, (True, 1, 2)),
    ("cond", lambda c, x, y: x if c else y, ([], 1, 2)),
    ("not_", operator.not_, (0,)),
    ("is_", operator.is_, (None, None)),
    ("is_not", operator.is_not, (None, 1)),
    ("in_", lambda x, y: x in y, (1, [1, 2])),
    ("not_in", lambda x, y: x not in y, (1, [1, 2])),
    ("getitem", operator.getitem, ([5, 6], 1)),
    ("len_", len, ("abc",)),
    ("get", lambda x, k: x.get(k), ({"a": 1}, "a")),
    ("get", lambda x, k, d: x.get(k, d), ({"a": 1}, "b", 7)),
    ("to_list", list, ((1, 2),)),
    ("make_list", lambda *a: list(a), (1, 2)),
    ("to_dict", dict, ([("a", 1)],)),
    ("to_set", set, ([1, 1],)),
    ("make_set", lambda *a: set(a), (1, 2)),
    ("to_tuple", tuple, ([1, 2],)),
    ("make_tuple", lambda *a: a, (1, 2)),
    ("ord_", ord, ("a",)),
    ("chr_", chr, (97,)),
    ("concat", operator.add, ("a", "b")),
    ("lower", str.lower, ("aB",)),
    ("upper", str.upper, ("aB",)),
    ("title", str.title, ("ab",)),
    ("swapcase", str.swapcase, ("aB",)),
    ("capitalize", str.capitalize, ("aB",)),
    ("split", str.split, ("a-b-c", "-")),
    ("split", str.split, ("a-b-c", "-", 1)),
    ("strip", str.strip, (" a ",)),
    ("strip", str.strip, ("-a-", "-")),
    ("replace", str.replace, ("aXbX", "X", "z")),
    ("replace", str.replace, ("aXbX", "X", "z", 1)),
    ("format", str.format, ("{}-{}", 1, 2)),
    ("join", lambda x, *y: x.join(y), ("-", "a", "b")),
    ("node_getattr", getattr, (3 + 4j, "imag")),
    ("call", lambda f, *a: f(*a), (max, 1, 5)),
    ("dict_pop", changed("pop", "a"), ({"a": 1, "b": 2}, "a")),
    ("dict_popitem", changed("popitem"), ({"a": 1, "b": 2},)),
    ("dict_update", lambda x, y: {**x, **y}, ({"a": 1}, {"b": 2})),
    ("list_append", lambda x, y: [*x, y], ([1], 2)),
    ("list_clear", lambda x: [], ([1],)),
    ("list_extend", lambda x, y: [*x, *y], ([1], [2, 3])),
    ("list_insert", lambda x, i, y: [*x[:i], y, *x[i:]], ([1, 3], 1, 2)),
    ("list_pop", lambda x, i: x[:i] + x[i + 1 :], ([1, 2, 3], 1)),
    ("list_remove", changed("remove", 2), ([1, 2, 3, 2], 2)),
    ("list_reverse", lambda x: x[::-1], ([1, 2],)),
    ("list_sort", sorted, ([3, 1, 2],)),
    ("set_add", lambda x, y: x | {y}, ({1}, 2)),
    ("set_clear", lambda x: set(), ({1},)),
    ("set_discard", lambda x, y: x - {y}, ({1, 2}, 2)),
    ("set_intersection_update", operator.and_, ({1, 2}, {2, 3})),
    ("set_pop", changed("pop"), ({1, 2, 3},)),
    ("set_remove", lambda x, y: x - {y}, ({1, 2}, 2)),
    ("set_symmetric_difference_update", operator.xor, ({1, 2}, {2, 3})),
    ("set_update", operator.or_, ({1}, {2})),
]

KEYWORDS = [
    ("make_dict", {"a": 1, "b": 2}, (), {"a": 1, "b": 2}),
    ("format", "1-2", ("{a}-{x}",), {"a": 1, "x": 2}),
    ("list_sort", [3, 2, 1], ([1, 3, 2],), {"reverse": True}),
    ("list_sort", ["a", "bb", "ccc"], (["ccc", "a", "bb"],), {"key": len}),
    ("split", ["a", "b c"], ("a b c", None), {"maxsplit": 1}),
    ("call", [1, 2], (sorted, [2, 1]), {"reverse": False}),
]


@pytest.mark.parametrize("wrapped", [False, True], ids=["raw", "nodes"])
@pytest.mark.parametrize(("name", "plain", "values"), PLAIN)
def test_function_equals_plain_python(name: str, plain, values, wrapped: bool):
    expected = plain(*copy.deepcopy(values))
    given = [node(v) if wrapped else v for v in copy.deepcopy(values)]
    result = getattr(ops, name)(*given)
    assert isinstance(result, MessageNode)
    assert result.data == expected
    assert type(result.data) is type(expected)
    if wrapped:
        assert [id(p) for p in result.parents[: len(given)]] == [id(n) for n in given]
        assert [n.data for n in given] == list(values)  # none of them changes its input


@pytest.mark.parametrize(("name", "expected", "args", "kwargs"), KEYWORDS)
def test_function_with_keywords(name: str, expected, args, kwargs):
    inputs = {key: node(value) for key, value in kwargs.items()}
    result = getattr(ops, name)(*args, **inputs)
    assert result.data == expected
    assert {id(n) for n in inputs.values()} <= {id(p) for p in result.parents}


@pytest.mark.parametrize("name", ["keys", "values"])
def test_views_of_a_dictionary(name: str):
    value = {"a": 1, "b": 2}
    assert list(getattr(ops, name)(value).data) == list(getattr(value, name)())


def test_pop_returns_the_item_and_changes_the_container():
    items = node([1, 2, 3])
    assert ops.pop(items, 0).data == 1
    assert items.data == [2, 3]


@pytest.mark.parametrize("name", sorted({row[0] for row in PLAIN}))
def test_each_operation_has_words_for_the_optimizer(name: str):
    values = next(row[2] for row in PLAIN if row[0] == name)
    result = getattr(ops, name)(*copy.deepcopy(values))
    assert result.op_name == name
    assert result._description.startswith(f"[{name}] ")
    assert len(result._description) > len(f"[{name}] ") + 3


def test_binary_inputs_are_called_x_and_y():
    x, y = node(1), node(2)
    assert {k: v.data for k, v in ops.add(x, y).inputs.items()} == {"x": 1, "y": 2}
    assert {k: v.data for k, v in (x - y).inputs.items()} == {"x": 1, "y": 2}
    assert list(ops.getitem(node([1]), 0).inputs) == ["x", "index"]
    assert list(ops.cond(node(True), x, y).inputs) == ["condition", "x", "y"]


def test_items_of_make_list_are_inputs_one_by_one():
    parts = [node(1, trainable=True), node(2, trainable=True)]
    result = ops.make_list(*parts)
    assert list(result.inputs) == ["args_0", "args_1"]
    assert result.parameter_dependencies == set(parts)


def test_cond_depends_on_all_three():
    given = [node(True), node(1), node(2)]
    assert [id(p) for p in ops.cond(*given).parents] == [id(n) for n in given]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("add", (1, "a"), "TypeError"),
        ("getitem", ([], 0), "IndexError"),
        ("list_remove", ([1], 2), "ValueError"),
        ("dict_pop", ({}, "a"), "KeyError"),
        ("ord_", ("ab",), "TypeError"),
        ("node_getattr", (1, "nothing"), "AttributeError"),
        ("upper", (1,), "AttributeError"),
    ],
)
def test_a_failing_function_is_an_output_of_the_program(name: str, values, kind: str):
    x = node(values[0])
    with pytest.raises(ExecutionError) as caught:
        getattr(ops, name)(x, *values[1:])
    assert caught.value.exception_node.data.startswith(f"({kind}) ")
    assert caught.value.exception_node.parents[0] is x


def test_a21_the_module_has_nothing_of_the_standard_librarys_trace():
    assert getattr(ops, "trace", None) is not sys.modules.get("trace", ops)
