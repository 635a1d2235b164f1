"""DOT text, written by ourselves."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.view.picture import Box, Picture
from opto.view.text import Dot


@given(st.text(st.sampled_from('ab1 <>\\"\n{}|:;,-.#é\x00\t')))
def test_a_quoted_text_is_read_back_as_it_was(text) -> None:
    """As Graphviz reads: a string ends at its first bare quote; then escapes mean letters."""
    source = Dot(Picture((Box("x0", "node", None, text),), ())).source
    (quoted,) = re.findall(r'label="((?:\\.|[^"\\])*)" color=', source, re.DOTALL)
    read = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    assert read == f"x0\n{text}".replace("\x00", "\ufffd")


def test_it_is_shown_in_notebooks(dot, monkeypatch) -> None:
    pytest.importorskip("graphlay")
    bundle = dot._repr_mimebundle_()
    assert bundle["text/plain"] == dot.source
    assert bundle["image/svg+xml"].startswith("<svg ")
    monkeypatch.setitem(sys.modules, "graphlay", None)
    (kind, text), *rest = dot._repr_mimebundle_().items()
    assert (kind, rest) == ("text/plain", [])
    assert text.startswith("// ")
    assert 'pip install "trace-opt[view]"' in text
    assert text.endswith(dot.source)


def test_it_is_saved(dot, tmp_path) -> None:
    pytest.importorskip("graphlay")
    assert dot.save(tmp_path / "run.gv") == str(tmp_path / "run.gv")
    assert (tmp_path / "run.gv").read_text(encoding="utf-8") == dot.source
    dot.save(str(tmp_path / "run.svg"))
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<svg ")
