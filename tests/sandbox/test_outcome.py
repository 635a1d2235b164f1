"""What an outcome says, and what text of foreign code may bring to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import SandboxError
from opto.sandbox.outcome import Outcome, clean


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (Outcome("ok", 3), "returned a value"),
        (Outcome("error", error="KeyError", message="'a'"), "raised KeyError: 'a'"),
        (Outcome("error", error="E", lines=(3, 4)), "raised E at line 4"),
        (Outcome("timeout", message="stopped after 5 s"), "stopped after 5 s"),
        (
            Outcome(
                "error",
                error="PermissionError",
                message="opened a socket: there is no network here (socket.__new__)",
                lines=(2,),
            ),
            "opened a socket: there is no network here (PermissionError at line 2)",
        ),
        (
            Outcome(
                "error", error="PermissionError", message="[Errno 1] Operation not permitted: 'x'"
            ),
            "did what the sandbox does not allow (PermissionError)",
        ),
        (
            Outcome("error", error="PermissionError", message="no"),
            "raised PermissionError: no",
        ),
    ],
)
def test_the_sentence_says_what_happened(outcome, sentence):
    assert outcome.sentence == sentence


def test_the_value_or_what_went_wrong():
    assert Outcome("ok", [1]).value_or_raise() == [1]
    with pytest.raises(SandboxError, match="raised ZeroDivisionError at line 2"):
        Outcome("error", error="ZeroDivisionError", lines=(2,)).value_or_raise()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nwith lines", "plain\ttext\nwith lines"),
        ("\x1b[2J\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x9b31mb\x00c\rd", "a31mbcd"),
        ("ab\u202ecd\u2066", "abcd"),
        ("half \ud83d", "half \ufffd"),
        ("\x1b", ""),
    ],
)
def test_nothing_that_moves_a_terminal_is_left(text, shown):
    assert clean(text, 1000) == shown


@given(st.text(st.characters(), max_size=50), st.integers(0, 60))
def test_clean_text_is_bounded_and_has_no_controls(text, most):
    shown = clean(text, most)
    assert len(shown.encode()) <= most
    assert not {c for c in shown if c not in "\n\t" and (c < " " or "\x7f" <= c < "\xa0")}
    assert clean(shown, most) == shown
