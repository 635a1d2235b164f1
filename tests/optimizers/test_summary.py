import gc
import weakref

import pytest

from opto.optimizers.optoprime import (
    FunctionFeedback,
    get_fun_name,
    node_to_function_feedback,
    repr_function_call,
)
from opto.optimizers.summary import named_parameters
from opto.trace import bundle, node
from opto.trace.graph import Graph
from opto.trace.utils import sum_feedback


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


@pytest.fixture
def golden():
    """The program of SPEC 12 A.1."""
    x = node(3, name="x", trainable=True)
    b = node(1, name="b")
    w = (scale(x) + b) * x
    w.backward("make it larger")
    return node_to_function_feedback(sum_feedback([x]))


def test_a_run_is_taken_apart(golden):
    assert golden.graph == [
        (1, "scale0 = scale(v=x0, k=k0)"),
        (2, "add0 = add(x=scale0, y=b0)"),
        (3, "multiply0 = multiply(x=add0, y=x0)"),
    ]
    assert golden.documentation["scale"] == "[scale] Multiply by k"
    assert golden.output == {"multiply0": (21, None)}
    assert golden.others == {"scale0": (6, None), "add0": (7, None)}
    assert golden.roots == {"x0": (3, None), "b0": (1, None), "k0": (2, None)}
    assert golden.user_feedback == "make it larger"


def test_feedback_on_a_parameter_itself_needs_no_calls(x):
    x.backward("larger")
    summary = node_to_function_feedback(sum_feedback([x]))
    assert (summary.graph, summary.output, summary.others) == ([], {}, {})
    assert summary.roots == {"x0": (3, None)}


def test_all_outputs_that_were_spoken_of_are_outputs(x):
    """Also one that is less deep than another (SPEC 7.2 step 1 notes that it was not)."""
    y = x + 1
    z = y * 2 * 3
    y.backward("fine", retain_graph=True)
    z.backward("too large")
    summary = node_to_function_feedback(sum_feedback([x]))
    assert set(summary.output) == {y.py_name, z.py_name}
    assert str(summary.user_feedback).splitlines() == [
        f"About {y.py_name}: fine",
        f"About {z.py_name}: too large",
    ]


def test_a_call_never_becomes_an_input():
    """SPEC 11.C21: the order of nodes in a graph does not decide what is shown."""
    a = node(1, name="a", trainable=True)
    late = node(2, name="late")
    y = (a + late) * (late + late) - a
    y.backward("?")
    summary = node_to_function_feedback(sum_feedback([a]))
    names = {line.partition(" = ")[0] for _, line in summary.graph}
    assert {"add0", "multiply0", "subtract0"} <= names
    assert not set(summary.roots) & names


def test_values_are_those_of_the_run():
    """SPEC 11.A6: what a later call changed in place is shown as it was."""

    @bundle()
    def grow(items):
        items.append(0)
        return len(items)

    items = node([1, 2], name="items", trainable=True)
    grow(items).backward("?")
    summary = node_to_function_feedback(sum_feedback([items]))
    assert summary.roots["items0"] == ([1, 2], None)


def test_names_that_collide_are_told_apart():
    """SPEC 11.A13."""
    one = node(1, name="x1", trainable=True)
    for _ in range(10):
        node(0, name="x")
    other = node(2, name="x", trainable=True)
    assert one.py_name == other.py_name == "x10"
    (one + other).backward("?")
    graph = sum_feedback([one, other])
    named = named_parameters(Graph.of(graph), graph.nodes, [one, other])
    assert sorted(map(id, named.values())) == sorted([id(one), id(other)])
    assert len(named) == 2


def test_texts_in_place_of_values_keep_no_program_alive(golden):
    class Big:
        def __str__(self):
            return "b" * 5000

    value = Big()
    summary = FunctionFeedback([], {}, {}, {"v0": (value, None)}, {}, value)
    text = summary.as_text(limit=100)
    alive = weakref.ref(value)
    del value, summary
    gc.collect()
    assert alive() is None
    assert "characters left out" in text.roots["v0"][0]
    assert golden.as_text().output == {"multiply0": ("21", None)}


def test_calls_are_written_like_code(x):
    y = x + node(1, name="b")
    assert get_fun_name(y) == "add"
    assert repr_function_call(y) == "add0 = add(x=x0, y=b0)"
    assert repr_function_call(scale(y)) == "scale0 = scale(v=add0, k=k0)"
