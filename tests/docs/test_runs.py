from __future__ import annotations

from tests.docs.test_readme import ROOT
from tests.support.pages import blocks, printed


def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    found = blocks((ROOT / "docs/runs.md").read_text(encoding="utf-8"))
    assert found
    for code, expected in found:
        assert printed(code, tmp_path / f"page_{len(names)}.py", names) == expected
