from json import loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats import Field, on_one_line, visible
from opto.formats.names import Names

UNSEEN = [
    *map(chr, range(9)),
    *"\x0b\x0c\x0e\x1b\x1c\x1d\x1e\x7f\x85\x9b\u2028\u2029\u202e\u2066\ufeff",
    "\ud800",
    "\udfff",
    "\U000e0041",
]


@pytest.mark.parametrize("char", UNSEEN)
def test_what_cannot_be_seen_is_written_as_json_writes_it(char):
    seen = visible(f"a{char}b")
    assert seen.isprintable()
    assert seen.isascii()
    assert loads(f'"{seen}"') == f"a{char}b"
    assert on_one_line(f"a{char}b") == seen


@pytest.mark.parametrize("text", ["", "a\tb\r\nc\n", "é ñ 漢 🎉 \u200d \xa0", "שלום\u200f!"])
def test_what_people_write_stays(text):
    assert visible(text) == text


@given(st.text())
def test_a_reader_of_any_kind_sees_the_same_lines(text):
    seen = visible(text)
    assert (
        seen.splitlines()
        == seen.replace("\r\n", "\n").removesuffix("\n").split("\n")[: len(seen.splitlines())]
    )
    assert len(on_one_line(text).splitlines()) <= 1
    seen.encode()


@given(st.text(min_size=1))
def test_names_are_found_as_they_are_shown_and_as_they_are(name):
    shown = on_one_line(f"{name}0")
    names = Names([Field(shown, "int")])
    assert names.find(shown) == names.find(f"{name}0") == shown
