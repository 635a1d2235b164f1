"""Where code was when it was stopped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.sandbox.where import lines_of_dump, loop_around, place

DUMP = b"""\x00\x01garbage of a frame
Thread 0x00007f01 (most recent call first):
  File "<candidate>", line 77 in other
Current thread 0x00007f02 (most recent call first):
  File "/usr/lib/python3.11/re.py", line 5 in match
  File "<candidate>", line 3 in inner
  File "<candidate>", line 9 in f
"""


def test_the_current_thread_counts_the_innermost_last():
    assert lines_of_dump(DUMP, "<candidate>") == (9, 3)
    assert lines_of_dump(DUMP.replace(b"line 3 in", b"line x in"), "<candidate>") == (9,)
    assert lines_of_dump(DUMP, "other.py") == ()
    only_other = DUMP.partition(b"Current")[0]
    assert lines_of_dump(only_other, "<candidate>") == (77,)


@given(st.binary(max_size=200) | st.sampled_from([DUMP, DUMP[50:], DUMP * 3]))
def test_any_bytes_give_lines(dump):
    assert all(type(n) is int for n in lines_of_dump(dump, "<candidate>"))


TEXT = """\
def f(x):
    for i in x:
        if i:
            y = 1

            y = 2
    async for j in x:
        pass
    def g():
        return 3
    while x: x = 1
    return 0
"""


@pytest.mark.parametrize(
    ("line", "loop"), [(1, None), (2, 2), (4, 2), (6, 2), (8, 7), (10, None), (11, 11), (12, None)]
)
def test_the_innermost_loop_around_a_line(line, loop):
    assert loop_around(TEXT, line) == loop


def test_where_nothing_is_known_nothing_is_said():
    assert place(TEXT, ()) == ""
    assert place(TEXT, (1, 12)) == " at line 12"
    assert place("", (3,)) == " at line 3"


@given(st.text("wf hile:or\n\t(", max_size=80), st.integers(1, 30))
def test_any_text_has_a_loop_before_the_line_or_none(text, line):
    loop = loop_around(text, line)
    assert loop is None or 1 <= loop <= line
