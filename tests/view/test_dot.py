"""DOT text, by the package graphviz and by ourselves."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.trace import node
from opto.trace.graph import ancestors
from opto.view import dot
from opto.view.dot import Dot, digraph
from opto.view.picture import Arrow, Box, Picture

graphviz = pytest.importorskip("graphviz")


@pytest.fixture
def without_graphviz(monkeypatch):
    """As if the package graphviz were not installed."""
    found = dot.find_spec
    monkeypatch.setattr(dot, "find_spec", lambda name: None if name == "graphviz" else found(name))


def program():
    x = node('say <b>"hi"</b> \\n', name="x", trainable=True, description="a: b -> c")
    y = x.upper() + "\n{a|b}"
    return ancestors(y), y


def test_with_the_package_it_is_a_digraph() -> None:
    nodes, output = program()
    assert type(digraph(nodes, output=output)) is graphviz.Digraph


def test_without_it_the_text_is_the_same(without_graphviz) -> None:
    nodes, output = program()
    ours = digraph(nodes, output=output, print_limit=7, reverse_plot=True)
    assert type(ours) is Dot
    assert ours.source == str(ours) == dot._by_graphviz(ours.picture).source
    assert "upper0 -> x0" in ours.source


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
    assert Dot(picture).source == dot._by_graphviz(picture).source


@given(TEXTS)
def test_a_quoted_text_is_read_back_as_it_was(text) -> None:
    """As Graphviz reads: a string ends at its first bare quote; then escapes mean letters."""
    source = Dot(Picture((Box("x0", "node", None, text),), ())).source
    (quoted,) = re.findall(r'label="((?:\\.|[^"\\])*)" color=', source, re.DOTALL)
    read = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    assert read == f"x0\n{text}".replace("\x00", "\ufffd")


def test_it_is_shown_in_notebooks(without_graphviz, monkeypatch) -> None:
    pytest.importorskip("graphlay")
    nodes, output = program()
    shown = digraph(nodes, output=output)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == shown.source
    assert bundle["image/svg+xml"].startswith("<svg ")
    monkeypatch.setitem(sys.modules, "graphlay", None)
    (kind, text), *rest = shown._repr_mimebundle_().items()
    assert (kind, rest) == ("text/plain", [])
    assert text.startswith("// ")
    assert 'pip install "trace-opt[view]"' in text
    assert text.endswith(shown.source)


def test_it_is_saved(without_graphviz, tmp_path) -> None:
    pytest.importorskip("graphlay")
    nodes, output = program()
    shown = digraph(nodes, output=output)
    assert shown.save(tmp_path / "run.gv") == str(tmp_path / "run.gv")
    assert (tmp_path / "run.gv").read_text(encoding="utf-8") == shown.source
    shown.save(str(tmp_path / "run.svg"))
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<svg ")
