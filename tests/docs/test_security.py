from __future__ import annotations

import re
import sys

import pytest

from opto.sandbox.worker.confine_calls import ALLOWED, DENIED
from opto.sandbox.worker.confine_modules import COMMON
from tests.docs.test_readme import ROOT
from tests.support.pages import blocks, printed

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="the page says that it is not tried elsewhere")
def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    names = {}
    found = blocks(PAGE)
    assert found
    for code, expected in found:
        assert printed(code, tmp_path / f"page_{len(names)}.py", names) == expected


@pytest.mark.parametrize(
    ("words", "counted"),
    [
        (r"a list of about (\d+) calls", ALLOWED),
        (r"and of about (\d+) that are refused", DENIED),
        (r"about (\d+) common modules", COMMON),
    ],
)
def test_the_numbers_are_about_right(words, counted):
    assert abs(int(re.search(words, PAGE)[1]) - len(counted)) <= 10
