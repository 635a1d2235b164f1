"""Which picture a program gets."""

from __future__ import annotations

import pytest

from opto.trace.graph import ancestors
from opto.view import dot as room
from opto.view.dot import digraph
from opto.view.text import Dot


def test_with_the_package_it_is_a_digraph(output) -> None:
    graphviz = pytest.importorskip("graphviz")
    assert isinstance(digraph(ancestors(output), output=output), graphviz.Digraph)


def test_without_it_the_text_is_the_same(output, monkeypatch) -> None:
    theirs = pytest.importorskip("opto.view.graphviz").Digraph
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    ours = digraph(ancestors(output), output=output, print_limit=7, reverse_plot=True)
    assert type(ours) is Dot
    assert ours.source == str(ours) == theirs.of(ours).source
    assert "upper0 -> x0" in ours.source
