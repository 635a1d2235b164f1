"""What a value or an error says cannot order a terminal about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import bundle, node
from opto.trace.escaped import escaped

EVIL = "\x1b[31mred\x1b]0;title\x07\x9b1m\x08\x7f\u202e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\n\tb\r\nc", "a\n\tb\r\nc"),
        ("gone\rnew", "gone\\rnew"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("שלום \u200f, 你好", "שלום \u200f, 你好"),
    ],
)
def test_what_is_escaped(text, shown):
    assert escaped(text) == shown


@given(st.text())
def test_nothing_is_left_and_nothing_is_lost(text):
    shown = escaped(text)
    assert not any((ord(c) < 32 and c not in "\n\t\r") or 127 <= ord(c) < 160 for c in shown)
    assert escaped(shown) == shown
    assert "\r" not in shown.replace("\r\n", "")


def test_nodes_and_errors_are_shown_escaped():
    assert str(node(EVIL)).endswith(f"data={escaped(EVIL)})")
    assert str(node("a\nb")).endswith("data=a\nb)")

    @bundle()
    def fails(x):
        raise ValueError(x)

    with pytest.raises(ExecutionError) as raised:
        fails(EVIL)
    failed = raised.value.exception_node
    # What it holds is what was said; only what is made to be read is escaped.
    assert failed.data == f"(ValueError) {EVIL}"
    for told in (str(raised.value), failed.create_feedback("full")):
        assert escaped(EVIL) in told
        assert escaped(told) == told
