"""Pictures as objects of the package graphviz, with and without its program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.view.picture import Arrow, Box, Picture
from opto.view.text import Dot

graphviz = pytest.importorskip("graphviz")
Digraph = pytest.importorskip("opto.view.graphviz").Digraph

TEXTS = st.text(st.sampled_from('ab1 <>\\"\n{}|:;,-.#é\x00\t'), max_size=12)
KINDS = st.sampled_from(("node", "parameter", "message", "exception"))
NAMES = st.lists(
    TEXTS.map(lambda text: text.replace(":", "") + "0")
    | st.sampled_from(("node", "Graph", "-1.5", "x0")),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(NAMES, st.data())
def test_any_texts_are_written_as_graphviz_writes_them(names, data) -> None:
    # Texts end in no newline: the package drops that of "1\\n", taking it for a number.
    boxes = tuple(
        Box(n, data.draw(KINDS), data.draw(st.none() | TEXTS), data.draw(TEXTS) + ".")
        for n in names
    )
    ends = st.builds(Arrow, st.sampled_from(names), st.sampled_from(names))
    picture = Picture(boxes, tuple(data.draw(st.lists(ends, max_size=3))))
    assert Dot(picture).source == Digraph.of(Dot(picture)).source


@pytest.fixture
def without_dot(monkeypatch, tmp_path) -> None:
    """As if the program ``dot`` were not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_digraph_is_shown_without_the_program_dot(dot, without_dot) -> None:
    pytest.importorskip("graphlay")
    graph = Digraph.of(dot)
    with pytest.raises(graphviz.ExecutableNotFound):
        graph.pipe("svg")
    shown = graph._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg ")
    assert shown["text/plain"] == graph.source
    graph.node("mine")
    assert graph._repr_mimebundle_() == {"text/plain": graph.source}
    assert graph.copy()._repr_mimebundle_() == {"text/plain": graph.source}


def test_a_digraph_is_shown_by_the_program_dot(dot, tmp_path, monkeypatch) -> None:
    stand_in = tmp_path / "dot"
    stand_in.write_text("#!/bin/sh\necho '<svg>by dot</svg>'\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert "by dot" in Digraph.of(dot)._repr_mimebundle_()["image/svg+xml"]
