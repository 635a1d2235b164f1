"""A picture with insides as one graph."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.trace import bundle, node
from opto.trace.graph import ancestors
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback
from opto.view import digraph
from opto.view import dot as room
from opto.view.groups import arrows_of, grouped
from opto.view.picture import Arrow, Box, Picture
from opto.view.text import Dot


@pytest.fixture
def opened(nested) -> Picture:
    return Picture.of(ancestors(nested), nested, expand=None)


def test_boxes_stand_where_their_values_were_made(opened) -> None:
    whole = grouped(opened)
    assert [box.name for box in whole.boxes] == ["x0", "p0"]
    (outer,) = whole.groups
    assert [box.name for box in outer.boxes] == ["int0", "multiply0", "outer0"]
    (inner,) = outer.groups
    assert [box.name for box in inner.boxes] == ["add0", "inner0"]
    assert (whole.name, outer.name, inner.name) == ("", "cluster_outer0", "cluster_inner0")


def test_arrows_go_to_what_used_a_value(opened) -> None:
    assert {(a.tail, a.head) for a in arrows_of(opened)} == {
        ("x0", "add0"),
        ("p0", "add0"),
        ("add0", "inner0"),
        ("inner0", "multiply0"),
        ("int0", "multiply0"),
        ("multiply0", "outer0"),
    }


def test_reversed_arrows_too(nested) -> None:
    turned = Picture.of(ancestors(nested), nested, reverse_plot=True, expand=None)
    straight = Picture.of(ancestors(nested), nested, expand=None)
    assert {(a.head, a.tail) for a in arrows_of(turned)} == {
        (a.tail, a.head) for a in arrows_of(straight)
    }


def test_an_argument_that_was_not_used_leads_to_the_result() -> None:

    @bundle("[f] forgets w", traceable_code=True)
    def f(v, w):
        return v + 1

    y = f(node(1, name="v"), node(2, name="w"))
    arrows = {(a.tail, a.head) for a in arrows_of(Picture.of(ancestors(y), y, expand=1))}
    assert ("w0", "f0") in arrows
    assert ("v0", "f0") not in arrows


def test_a_closed_picture_is_its_own_graph(nested) -> None:
    closed = Picture.of(ancestors(nested), nested)
    assert grouped(closed).boxes == closed.boxes
    assert grouped(closed).groups == ()
    assert arrows_of(closed) == closed.arrows


def test_dot_text_has_a_cluster_for_each_call(nested) -> None:
    closed, opened = (digraph(ancestors(nested), nested, expand=e).source for e in (0, None))
    assert closed == digraph(ancestors(nested), nested).source
    assert "subgraph" not in closed
    assert re.findall(r"^\t*subgraph (\S+) {$", opened, re.MULTILINE) == [
        "cluster_outer0",
        "cluster_inner0",
    ]
    assert opened.count("{") == opened.count("}")
    assert re.search(r'label="outer0\n<adds> and doubles"', opened)


def test_with_and_without_the_package_the_text_is_the_same(nested, monkeypatch) -> None:
    pytest.importorskip("graphviz")
    theirs = digraph(ancestors(nested), nested, expand=None)
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    ours = digraph(ancestors(nested), nested, expand=None)
    assert type(ours) is Dot
    assert ours.source == theirs.source


TEXTS = st.text(st.sampled_from('ab1 <>\\"\n{}|:;,-é\x00'), min_size=1, max_size=8)


@given(TEXTS, TEXTS)
def test_any_texts_are_written_as_graphviz_writes_them(name, text) -> None:
    graphviz = pytest.importorskip("opto.view.graphviz")
    name = name.replace(":", "") + "0"
    inside = Picture((Box("x0", "node", None, "1", outside=True), Box(name, "node", None, "2")), ())
    outer = Box(name, "message", text + ".", "2", inside=inside)
    picture = Picture((Box("x0", "node", None, "1"), outer), (Arrow("x0", name),))
    assert Dot(picture).source == graphviz.Digraph.of(Dot(picture)).source


def test_a_trace_graph_draws_its_calls_opened(nested, p) -> None:
    nested.backward("f")
    graph = sum_feedback([p])
    assert "subgraph" not in graph.visualize().source
    assert "cluster_inner0" not in graph.visualize(expand=1).source
    assert "cluster_inner0" in graph.visualize(expand=None).source
    flat = graph.opened().visualize().source
    assert "subgraph" not in flat
    assert "p0 -> add0" in flat
    assert "multiply0" in TraceGraph.expand(nested).visualize().source
