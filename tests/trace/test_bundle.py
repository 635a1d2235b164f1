"""A user's function as one operation: arguments, results, reads (SPEC 3.1 to 3.4, 3.7)."""

from __future__ import annotations

import copy
import functools
import inspect
import math

import pytest

from opto.errors import ArgumentError, BundleError, OptoError, TraceMissingInputsError
from opto.trace import Module, bundle, node
from opto.trace.bundle import (
    FunModule,
    detach_inputs,
    disable_external_dependencies_check,
    to_data,
    trace_nodes,
)
from opto.trace.nodes import AbstractNode, MessageNode
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


# --- the golden program (SPEC 12 A.1) -------------------------------------------------------------


def test_golden_program():
    x, b = node(3, name="x", trainable=True), node(1, name="b")
    z = scale(x) + b
    w = z * x
    w.backward("make it larger")
    graph = sum_feedback([x])
    assert graph.user_feedback == "make it larger"
    assert [(level, n.name) for level, n in graph.graph] == [
        (0, "x:0"),
        (0, "b:0"),
        (0, "k:0"),
        (1, "scale:0"),
        (2, "add:0"),
        (3, "multiply:0"),
    ]
    assert w.data == 21
    assert list(w.parents[0].parents[0].inputs) == ["v", "k"]


# --- what it is -----------------------------------------------------------------------------------


def test_a_bundled_function_is_a_module_that_knows_its_function():
    assert isinstance(scale, FunModule)
    assert isinstance(scale, Module)
    assert scale.name == "scale"
    assert scale.parameter is None
    assert scale.trainable is False
    assert scale.parameters() == []
    assert scale.fun(5, k=3) == 15
    assert scale.description.startswith("[scale] Multiply by k")


def test_info_tells_about_the_function():
    info = scale.info
    assert info["fun_name"] == "scale"
    assert info["doc"] == "Multiply by k"
    assert str(info["signature"]) == "(v, k=2)"
    assert info["source"].startswith("def scale(v, k=2):")
    assert info["file"] == __file__
    assert info["fun"](2) == 4
    lines, start = inspect.getsourcelines(info["fun"])
    assert start <= info["line_number"] <= start + len(lines)


def test_it_wears_the_name_and_the_signature_of_its_function():
    assert scale.__name__ == "scale"
    assert scale.__doc__ == "Multiply by k"
    assert str(inspect.signature(scale)) == "(v, k=2)"


def test_the_result_is_named_after_the_operation():
    y = scale(3)
    assert isinstance(y, MessageNode)
    assert (y.name, y.op_name, y.data) == ("scale:0", "scale", 6)
    assert [n.name for n in y.parents] == ["v:0", "k:0"]
    assert y.description.startswith("Multiply by k")


def test_description_and_output_name():
    @bundle("[grow] make it bigger", output_name="bigger")
    def f(v):
        return v + 1

    y = f(1)
    assert f.name == "grow"
    assert (y.op_name, y.description, y.name) == ("grow", "make it bigger", "bigger:0")


def test_a_function_inside_a_function_is_named_by_the_way_to_it():
    @bundle()
    def inner(v):
        return v

    way = "test_a_function_inside_a_function_is_named_by_the_way_to_it"
    assert inner(1).name == f"{way}.inner:0"


@pytest.mark.parametrize("text", ["no tag", "tag] missing", ""])
def test_a_description_without_a_tag_is_refused(text: str):
    with pytest.raises(BundleError, match=r"\["):
        bundle(description=text)(lambda v: v)


def test_an_unknown_keyword_is_a_type_error():
    with pytest.raises(ArgumentError, match="did you mean 'trainable'"):
        bundle(trainabel=True)


def test_forgetting_the_parentheses_is_said():
    def f(v):
        return v

    with pytest.raises(OptoError, match=r"bundle\(\)"):
        bundle(f)


# --- anything that can be called ------------------------------------------------------------------


class Adder:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, v):
        return v + self.by

    def plus(self, v):
        return v + self.by


@pytest.mark.parametrize(
    ("fun", "args", "expected"),
    [
        (lambda v: v + 1, (3,), 4),
        (len, ([1, 2],), 2),
        (math.sqrt, (9,), 3.0),
        (max, (1, 5), 5),
        (str.upper, ("a",), "A"),
        (int, ("7",), 7),
        (Adder(2), (3,), 5),
        (Adder(2).plus, (3,), 5),
        (functools.partial(pow, 2), (5,), 32),
        (functools.partial(lambda v, *, k: v * k, k=4), (2,), 8),
        (staticmethod(lambda v: v + 1), (3,), 4),
        (functools.lru_cache(lambda v: v + 1), (3,), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_callable(fun, args, expected):
    given = [node(a, trainable=True) for a in args]
    y = bundle()(fun)(*given)
    assert y.data == expected
    assert y.parameter_dependencies == set(given)


def test_a_lambda_is_trained_as_a_function():
    grow = bundle(trainable=True)(lambda v: v + 1)
    assert grow.parameter.data.startswith("def ")
    assert grow(2).data == 3
    grow.parameter._data = grow.parameter.data.replace("v + 1", "v + 10")
    assert grow(2).data == 12


@pytest.mark.parametrize(
    ("fun", "args", "kwargs"),
    [
        (lambda **kw: kw, (), {"a": 1}),
        (lambda *args: args, (1, 2), {}),
        (lambda *args, **kw: (args, kw), (1,), {"a": 2}),
        (lambda v, *, k=2: (v, k), (1,), {"k": 3}),
        (lambda v, /, k=2: (v, k), (1,), {}),
        (lambda: 5, (), {}),
    ],
)
def test_a_lambda_of_any_signature_is_trained(fun, args, kwargs):
    assert bundle(trainable=True)(fun)(*args, **kwargs).data == fun(*args, **kwargs)


def test_a_lambda_inside_a_lambda_is_trained():
    make = lambda: bundle(trainable=True)(lambda **kw: kw)
    assert make()(a=1).data == {"a": 1}


# --- values in, values out ------------------------------------------------------------------------


def test_the_function_sees_plain_values():
    seen = []
    bundle()(lambda *a: seen.extend(type(v) for v in a))(node(1), "a", node([node(1)]))
    assert seen == [int, str, list]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (lambda x: [x, 1], [7, 1]),
        (lambda x: (x, x), (7, 7)),
        (lambda x: {"k": x}, {"k": 7}),
        (lambda x: {x}, {7}),
        (lambda x: [[x], {"k": (x,)}], [[7], {"k": (7,)}]),
    ],
)
def test_a15_nodes_inside_a_container_are_seen_as_values_and_get_feedback(value, plain):
    x = node(7, trainable=True)
    seen = []
    y = bundle()(lambda c: seen.append(c) or 1)(value(x))
    assert seen == [plain]
    assert type(seen[0]) is type(plain)
    assert y.parameter_dependencies == {x}
    y.backward("better")
    assert sum_feedback([x]).user_feedback == "better"


def test_a15_the_callers_container_is_left_alone():
    x = node(7)
    given = [x]
    bundle()(lambda c: c.append(8))(given)
    assert given[0] is x


def test_a15_a_node_whose_value_holds_nodes_is_passed_as_it_is():
    x = node(7, trainable=True)

    @bundle()
    def first(items):
        return items[0].data

    y = first(node([x]))
    assert y.data == 7
    assert y.parameter_dependencies == {x}


def test_a15_a_trainable_function_as_argument_is_an_input_by_its_code():
    @bundle(trainable=True)
    def inner(v):
        return v + 1

    for process in (True, False):
        apply = bundle(_process_inputs=process)(lambda f, v: f(v))
        y = apply(inner, 3)
        assert y.data == 4
        assert inner.parameter in y.parameter_dependencies


def test_a15_a_bundled_function_as_argument_works():
    apply = bundle()(lambda f, v: f(v))
    x = node(3, trainable=True)
    y = apply(scale, x)
    assert y.data == 6
    assert y.parameter_dependencies == {x}


def test_without_processing_the_function_gets_what_was_given():
    seen = []
    x = node(1)
    y = bundle(_process_inputs=False)(lambda *a: seen.extend(a) or 5)(x, 2)
    assert seen[0] is x
    assert y.data == 5
    assert y.parents[0] is x


def test_a_tuple_is_one_node_and_unpacks_into_items():
    x = node(4, trainable=True)
    y = bundle()(lambda v: (v, v + 1))(x)
    a, b = y
    assert (y.data, a.data, b.data) == ((4, 5), 4, 5)
    assert a.op_name == b.op_name == "getitem"
    assert b.parameter_dependencies == {x}


def test_a_returned_input_node_is_wrapped_by_value():
    x = node(4)
    y = bundle(_process_inputs=False)(lambda v: v)(x)
    assert y is not x
    assert y.data == 4
    assert y.parents == [x]


def test_a05_each_call_keeps_its_own_inputs():
    first, second = scale(1), scale(100)
    values = [
        [*y.info["inputs"]["args"], *y.info["inputs"]["kwargs"].values()] for y in (first, second)
    ]
    assert values == [[1, 2], [100, 2]]
    assert (first.info["output"], second.info["output"]) == (2, 200)
    assert first.info is not second.info


def test_a06_a_changed_argument_is_recorded_as_it_was():
    @bundle()
    def push(items, extra):
        items.append(extra)
        return len(items)

    items = node([1, 2], trainable=True)
    y = push(items, 3)
    assert y.data == 3
    assert items.data == [1, 2, 3]
    assert items.recorded == [1, 2]
    assert node([5]).recorded == [5]


def test_a10_module_level_functions_can_be_copied():
    for twin in (copy.deepcopy(scale), scale.detach(), scale.copy()):
        assert twin(5).data == 10
        assert twin.name == "scale"


# --- traceable code -------------------------------------------------------------------------------


def test_traceable_code_works_on_nodes_and_may_read_its_inputs():
    @bundle(traceable_code=True)
    def double(v):
        assert isinstance(v, AbstractNode)
        return v * v.data

    x = node(3, trainable=True)
    y = double(x)
    assert y.data == 9
    assert y.info["output"].op_name == "multiply"
    assert y.parameter_dependencies == {x}


def test_traceable_code_shows_its_hidden_parameters():
    hidden = node(2, name="hidden", trainable=True)
    shown = node(3, name="shown", trainable=True)

    @bundle(traceable_code=True)
    def outer(v):
        return v * hidden + 1

    y = outer(shown)
    assert y.data == 7
    assert y.hidden_dependencies == {hidden}
    assert y in y.expandable_dependencies
    y.backward("higher")
    for parameter in (hidden, shown):
        assert sum_feedback([parameter]).user_feedback == "higher"
    inner = TraceGraph.expand(y)
    assert {n.name for _, n in inner.graph} >= {"hidden:0", "multiply:0", "add:0"}


# --- helpers that programs import -----------------------------------------------------------------


def test_trace_nodes_collects_what_is_read():
    x, unread = node(1), node(1)
    with trace_nodes() as used:
        assert x.data == 1
    assert [n is x for n in used] == [True]
    assert unread.data == 1
    assert len(used) == 1


def test_to_data_unwraps_containers():
    assert to_data([node(1), {"a": (node(2),)}, 3]) == [1, {"a": (2,)}, 3]


def test_detach_inputs_copies_nodes():
    x = node([1])
    (copied,) = detach_inputs([x])
    assert copied is not x
    assert copied.data == [1]
    assert copied.parents == []


def test_the_check_of_reads_can_be_switched_off_for_all():
    hidden = node(2)
    peek = bundle()(lambda v: v + hidden.data)
    disable_external_dependencies_check(True)
    try:
        assert peek(1).data == 3
    finally:
        disable_external_dependencies_check(None)
    with pytest.raises(TraceMissingInputsError):
        peek(1)
