"""Pictures of what was propagated (SPEC 2.9, A25)."""

from __future__ import annotations

import re

import pytest

from opto.errors import ExecutionError
from opto.trace import node
from opto.trace import operators as ops
from opto.trace.utils import sum_feedback

graphviz = pytest.importorskip("graphviz")


def edges(figure) -> list[tuple[str, str]]:
    return re.findall(r'^\s*"?([\w/]+)"? -> "?([\w/]+)"?', figure.source, re.MULTILINE)


def boxes(figure) -> dict[str, str]:
    """Node name -> its attributes, as the figure's source writes them."""
    found = re.findall(r'^\s*"?([\w/]+)"? \[(.*?)\]\s*$', figure.source, re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture
def figure():
    x = node(3, name="x", trainable=True, description="how many")
    b = node(1, name="b")
    return (x * 2 + b).backward("f", visualize=True)


def test_it_is_a_digraph_of_what_was_propagated(figure):
    assert isinstance(figure, graphviz.Digraph)
    assert set(edges(figure)) == {
        ("x0", "multiply0"),
        ("int0", "multiply0"),
        ("multiply0", "add0"),
        ("b0", "add0"),
    }
    assert set(boxes(figure)) == {"x0", "int0", "multiply0", "b0", "add0"}


def test_a25_constants_are_shown(figure):
    assert {"int0", "b0"} <= set(boxes(figure))


def test_labels_tell_name_description_and_value(figure):
    label = boxes(figure)["x0"]
    assert re.search(r"x0(\\n|\n)how many(\\n|\n)3", label)
    assert re.search(r"multiply0(\\n|\n).+(\\n|\n)6", boxes(figure)["multiply0"])


def test_colours_tell_the_kinds(figure):
    parameter, other = boxes(figure)["x0"], boxes(figure)["multiply0"]
    for text in ("#FFE5E5", "#FF7E79", "box", "filled,solid", "1.2"):
        assert text in parameter
    for text in ("#DEEBF6", "#5C9BD5", "ellipse", "filled,solid", "1.2"):
        assert text in other


def test_a_failure_is_red():
    x = node(1, name="x", trainable=True)
    with pytest.raises(ExecutionError) as caught:
        x / 0
    figure = caught.value.exception_node.backward("f", visualize=True)
    box = boxes(figure)["exception_divide0"]
    for text in ("firebrick1", "black", "ellipse"):
        assert text in box


def test_no_picture_is_made_unasked():
    assert (node(1, trainable=True) + 1).backward("f") is None


def test_reversed():
    x = node(1, name="x", trainable=True)
    figure = (-x).backward("f", visualize=True, reverse_plot=True)
    assert edges(figure) == [("neg0", "x0")]


def test_one_edge_is_drawn_once():
    x = node(1, name="x", trainable=True)
    y = x * x
    assert edges(y.backward("f", visualize=True)) == [("x0", "multiply0")]


@pytest.mark.parametrize(("limit", "shown"), [(5, "aaaaa..."), (100, "a" * 30)])
def test_long_texts_are_cut(limit: int, shown: str):
    x = node("a" * 30, name="x", trainable=True, description="d" * 30)
    label = boxes(x.upper().backward("f", visualize=True, print_limit=limit))["x0"]
    assert shown in label
    assert shown.replace("a", "d") in label
    assert ("a" * 30 in label) is (limit > 30)


def test_copies_are_left_out_of_a_simple_picture():
    x = node(1, name="x", trainable=True)
    simple = (x.clone().clone() + 1).backward("f", visualize=True)
    assert ("x0", "add0") in edges(simple)
    assert not any("clone" in name for edge in edges(simple) for name in edge)
    full = (ops.identity(x) + 1).backward("f", visualize=True, simple_visualization=False)
    assert any("clone" in name for edge in edges(full) for name in edge)


def test_a_dictionary_shows_its_content():
    x = node({"role": "user", "content": "hello"}, name="x", trainable=True)
    label = boxes(x["content"].backward("f", visualize=True))["x0"]
    assert "hello" in label
    assert "role" not in label


def test_only_what_lies_on_the_way_is_drawn():
    x = node(1, name="x", trainable=True)
    x - 7
    figure = (x + 1).backward("f", visualize=True)
    assert "subtract0" not in figure.source


def test_a_parameter_alone_makes_a_picture_too():
    figure = node(1, name="x", trainable=True).backward("f", visualize=True)
    assert figure is None or "x0" in figure.source


@pytest.mark.parametrize(
    "text", ["a:b -> c", 'quoted "words"', "back\\slash", "<b>", "{a|b}", "ü\n"]
)
def test_odd_texts_are_no_syntax(text: str):
    x = node(text, name="x", trainable=True, description=text)
    figure = x.upper().backward("f", visualize=True)
    assert edges(figure) == [("x0", "upper0")]


def test_a_trace_graph_draws_itself():
    x = node(1, name="x", trainable=True)
    (x * 2 + 1).backward("f")
    figure = sum_feedback([x]).visualize()
    assert isinstance(figure, graphviz.Digraph)
    assert {("x0", "multiply0"), ("multiply0", "add0")} <= set(edges(figure))
    turned = sum_feedback([x]).visualize(reverse_plot=True, print_limit=3)
    assert ("multiply0", "x0") in edges(turned)
