"""What the page on large graphs shows is what comes out."""

from __future__ import annotations

from opto.trace import GRAPH
from tests.docs.test_readme import ROOT
from tests.support.pages import blocks, printed


def test_the_page_prints_what_it_shows(tmp_path):
    GRAPH.clear()
    names = {}
    for code, expected in blocks((ROOT / "docs/large_graphs.md").read_text(encoding="utf-8")):
        assert printed(code, tmp_path / f"page_{len(names)}.py", names) == expected
