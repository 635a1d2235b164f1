"""Every operation of the table, against plain Python (SPEC 2.4, 2.5, 5, 12 A.6)."""

from __future__ import annotations

import copy
import math
import operator

import pytest

from opto.errors import ExecutionError
from opto.trace import Node, node
from opto.trace import operators as ops
from opto.trace.nodes import IDENTITY_OPERATORS, ExceptionNode, MessageNode

# --- what stands on a node: operation, expression, values -----------------------------------------

EXPRESSIONS = [
    ("pos", lambda x: +x, (3,)),
    ("neg", lambda x: -x, (3,)),
    ("invert", lambda x: ~x, (3,)),
    ("abs", abs, (-3,)),
    ("round", round, (2.567,)),
    ("round", lambda x: round(x, 2), (2.567,)),
    ("floor", math.floor, (2.5,)),
    ("ceil", math.ceil, (2.5,)),
    ("trunc", math.trunc, (-2.5,)),
    ("add", operator.add, (3, 4)),
    ("add", operator.add, ([1], [2])),
    ("concat", operator.add, ("a", "b")),
    ("subtract", operator.sub, (3, 4)),
    ("multiply", operator.mul, (3, 4)),
    ("multiply", operator.mul, ("ab", 2)),
    ("floor_divide", operator.floordiv, (7, 2)),
    ("divide", operator.truediv, (7, 2)),
    ("mod", operator.mod, (7, 4)),
    ("mod", operator.mod, ("%s!", "hi")),
    ("node_divmod", divmod, (7, 4)),
    ("power", operator.pow, (2, 5)),
    ("lshift", operator.lshift, (3, 2)),
    ("rshift", operator.rshift, (12, 2)),
    ("and_", operator.and_, (6, 3)),
    ("or_", operator.or_, (6, 3)),
    ("xor", operator.xor, (6, 3)),
    ("lt", operator.lt, (1, 2)),
    ("le", operator.le, (2, 2)),
    ("gt", operator.gt, (1, 2)),
    ("ge", operator.ge, (2, 2)),
    ("getitem", operator.getitem, ([5, 6, 7], 1)),
    ("getitem", operator.getitem, ({"k": 5}, "k")),
    ("getitem", lambda x: x[1:], ("abc",)),
    ("getitem", lambda x: x[-1], ((1, 2),)),
    ("call", lambda f: f([1, 2, 3]), (sum,)),
    ("call", lambda f, x: f(x), (lambda v: v * 2, 4)),
]

REFLECTED = [
    ("subtract", operator.sub, (3, 4)),
    ("add", operator.add, (3, 4)),
    ("multiply", operator.mul, (3, 4)),
    ("multiply", operator.mul, (3, "ab")),
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
]


def op_of(result: Node) -> str:
    return result.op_name


@pytest.mark.parametrize(("name", "expression", "values"), EXPRESSIONS)
def test_expression_on_nodes(name: str, expression, values):
    nodes = [node(value) for value in values]
    result = expression(*nodes)
    assert isinstance(result, MessageNode)
    assert result.data == expression(*values)
    assert op_of(result) == name
    assert {id(n) for n in nodes} <= {id(p) for p in result.parents}


@pytest.mark.parametrize(
    ("name", "expression", "values"), [row for row in EXPRESSIONS if len(row[2]) == 2]
)
def test_expression_with_a_plain_right_side(name: str, expression, values):
    left, right = node(values[0]), values[1]
    result = expression(left, right)
    assert result.data == expression(*values)
    assert op_of(result) == name
    assert result.parents[0] is left


@pytest.mark.parametrize(("name", "expression", "values"), REFLECTED)
def test_expression_with_a_plain_left_side(name: str, expression, values):
    right = node(values[1])
    result = expression(values[0], right)
    assert isinstance(result, MessageNode)
    assert result.data == expression(*values)
    assert op_of(result) == name
    assert any(p is right for p in result.parents)


def test_text_before_a_node_is_one_node():
    result = "hello " + node("world")
    assert isinstance(result, MessageNode)
    assert result.data == "hello world"


def test_legacy_division():
    assert node(7).__div__(2).data == 3.5
    assert node(2).__rdiv__(7).data == 3.5


def test_a_slice_may_hold_nodes():
    text, stop = node("abcdef"), node(3)
    result = text[1:stop]
    assert result.data == "bc"
    assert result.parents[0] is text


def test_sum_of_nodes():
    assert sum([node(1), node(2), node(3)]).data == 6


@pytest.mark.parametrize("value", [-3, -2.5, 2.567])
def test_a01_abs_and_round_end(value):
    x = node(value, trainable=True)
    assert abs(x).data == abs(value)
    assert round(x).data == round(value)
    assert round(x, 1).data == round(value, 1)
    assert ops.abs(x).data == abs(value)
    assert ops.round(x, 1).data == round(value, 1)
    assert abs(x).parameter_dependencies == {x}


# --- methods of a node: operation, call on the node, plain counterpart ----------------------------

METHODS = [
    ("len_", lambda x: x.len(), len, ([1, 2],)),
    ("eq", lambda x, y: x.eq(y), operator.eq, (1, 2)),
    ("neq", lambda x, y: x.neq(y), operator.ne, (1, 2)),
    ("node_getattr", lambda x, n: x.getattr(n), getattr, (3 + 4j, "imag")),
    ("keys", lambda x: x.keys(), lambda x: list(x.keys()), ({"a": 1, "b": 2},)),
    ("values", lambda x: x.values(), lambda x: list(x.values()), ({"a": 1, "b": 2},)),
    ("get", lambda x, k: x.get(k), lambda x, k: x.get(k), ({"a": 1}, "a")),
    ("get", lambda x: x.get("z", 5), lambda x: x.get("z", 5), ({"a": 1},)),
    ("format", lambda x: x.format(1, k=2), lambda x: x.format(1, k=2), ("{} {k}",)),
    ("capitalize", lambda x: x.capitalize(), str.capitalize, ("aB",)),
    ("lower", lambda x: x.lower(), str.lower, ("aB",)),
    ("upper", lambda x: x.upper(), str.upper, ("aB",)),
    ("swapcase", lambda x: x.swapcase(), str.swapcase, ("aB",)),
    ("title", lambda x: x.title(), str.title, ("ab cd",)),
    ("split", lambda x: x.split(), str.split, ("a b c",)),
    ("split", lambda x: x.split("-", 1), lambda x: x.split("-", 1), ("a-b-c",)),
    ("split", lambda x: x.split(maxsplit=1), lambda x: x.split(maxsplit=1), ("a b c",)),
    ("strip", lambda x: x.strip(), str.strip, (" a ",)),
    ("strip", lambda x: x.strip("-"), lambda x: x.strip("-"), ("-a-",)),
    ("replace", lambda x, y: x.replace(y, "z"), lambda x, y: x.replace(y, "z"), ("aXbX", "X")),
    ("replace", lambda x: x.replace("X", "z", 1), lambda x: x.replace("X", "z", 1), ("aXbX",)),
    ("join", lambda x: x.join(["a", "b"]), lambda x: x.join(["a", "b"]), ("-",)),
    ("pop", lambda x: x.pop(), lambda x: x[-1], ([1, 2],)),
    ("pop", lambda x: x.pop(0), lambda x: x[0], ([1, 2],)),
    ("clone", lambda x: x.clone(), copy.deepcopy, ([1, [2]],)),
]


@pytest.mark.parametrize(("name", "method", "plain", "values"), METHODS)
def test_method_of_a_node(name: str, method, plain, values):
    expected = plain(*copy.deepcopy(values))
    nodes = [node(copy.deepcopy(value)) for value in values]
    result = method(*nodes)
    assert isinstance(result, MessageNode)
    found = result.data
    assert (list(found) if name in {"keys", "values"} else found) == expected
    assert op_of(result) == name
    assert result.parents[0] is nodes[0]


def test_join_of_nodes():
    parts = [node("a"), node("b")]
    result = node("-").join(parts)
    assert result.data == "a-b"
    assert any(p is parts[0] for p in result.parents)


def test_a12_format_takes_any_keyword():
    x = node("b")
    result = node("{x}{self}{fun}{args}{kwargs}").format(x="a", self=x, fun="c", args=1, kwargs=2)
    assert result.data == "abc12"
    assert any(p is x for p in result.parents)
    assert ops.format("{x}", x="a").data == "a"


def test_items_iterates_over_pairs_of_nodes():
    pairs = list(node({"a": 1, "b": 2}).items())
    assert [(k.data, v.data) for k, v in pairs] == [("a", 1), ("b", 2)]
    assert all(isinstance(n, Node) for pair in pairs for n in pair)


def test_call_of_a_method_by_name_takes_nodes_as_values():
    text, part = node("banana"), node("an")
    assert text.call("count", "an").data == 2
    result = text.call("count", part)
    assert result.data == 2
    assert any(p is part for p in result.parents)
    assert text.call("split", "n", maxsplit=1).data == ["ba", "ana"]


def test_append_and_pop_change_the_value_as_python_does():
    items, new = node([1, 2]), node(3)
    items.append(new)
    assert items.data == [1, 2, 3]
    assert type(items.data[-1]) is int
    items.append(4)
    popped = items.pop()
    assert popped.data == 4
    assert items.data == [1, 2, 3]


def test_a06_pop_keeps_what_it_was_given_on_record():
    items = node([1, 2, 3], trainable=True)
    items.pop()
    assert items.data == [1, 2]
    assert items.recorded == [1, 2, 3]


def test_reversed_gives_items_of_the_node():
    items = node([1, 2, 3], trainable=True)
    back = list(reversed(items))
    assert [n.data for n in back] == [3, 2, 1]
    assert all(items in n.parents for n in back)


@pytest.mark.parametrize(
    "use",
    [
        lambda: node(3).upper(),
        lambda: node(["a"]).split(),
        lambda: node(3).items(),
        lambda: node([1]).keys(),
        lambda: node("abc").startswith("a"),
        lambda: node(3).imag,
    ],
)
def test_methods_that_the_value_does_not_have(use):
    with pytest.raises(AttributeError):
        use()


def test_join_needs_an_iterable():
    with pytest.raises(TypeError):
        node("-").join(3)


def test_values_of_what_is_no_dictionary():
    with pytest.raises(ExecutionError):
        node(3).values()


@pytest.mark.parametrize(
    "use",
    [
        lambda x: int(x),
        lambda x: float(x),
        lambda x: [0, 1, 2][x],
        lambda x: pow(x, 2, 5),
        lambda x: x @ x,
        lambda x: [1] @ x,
        lambda x: operator.setitem(x, 0, 1),
        lambda x: operator.delitem(x, 0),
    ],
)
def test_what_a_node_does_not_do_is_a_type_error(use):
    with pytest.raises(TypeError):
        use(node(1))


@pytest.mark.parametrize(
    ("use", "kind", "name"),
    [
        (lambda: node(1) + node("a"), "TypeError", "exception_add"),
        (lambda: node(1) / 0, "ZeroDivisionError", "exception_divide"),
        (lambda: node([1])[5], "IndexError", "exception_getitem"),
        (lambda: node({})["k"], "KeyError", "exception_getitem"),
        (lambda: -node("a"), "TypeError", "exception_neg"),
        (lambda: operator.lt(1, node("a")), "TypeError", "exception_gt"),
        (lambda: node(3)(4), "TypeError", "exception_call"),
    ],
)
def test_a_failing_expression_is_an_output_of_the_program(use, kind: str, name: str):
    with pytest.raises(ExecutionError) as caught:
        use()
    failed = caught.value.exception_node
    assert isinstance(failed, ExceptionNode)
    assert failed.data.startswith(f"({kind}) ")
    assert failed.name.startswith(f"{name}:")
    assert failed.parents


def test_identity_operators():
    x = node([1])
    assert "clone" in IDENTITY_OPERATORS
    assert "identity" in IDENTITY_OPERATORS
    assert ops.identity(x).data == [1]
    assert ops.identity(x).parents[0] is x


def test_operators_on_arrays_are_one_node():
    numpy = pytest.importorskip("numpy")
    ones = numpy.ones(2)
    for result in (node(1.0) + ones, ones + node(1.0), ones * node(ones)):
        assert isinstance(result, MessageNode)
        assert result.data.shape == (2,)
    assert (node(ones) == ones).all()
