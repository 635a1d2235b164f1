"""The page on foreign code in trainable functions shows what was run."""

from __future__ import annotations

from tests.docs.test_readme import ROOT
from tests.support.pages import blocks, printed

PAGE = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")


def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, (code, expected) in enumerate(blocks(PAGE)):
        assert printed(code, tmp_path / f"page_{number}.py", names) == expected
