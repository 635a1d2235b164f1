"""Texts that hold up Python's parser are told from all others."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from opto._legible import illegible


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import " + ".".join("a" * 600), "dots"),
        ("from " + ".\\\n".join("a" * 600) + " import b", "dots"),
        ("x = 1; import a" + " . a" * 600, "dots"),
        ("from " + "." * 501 + " import b", "dots"),
        ("e" + "\u0301\u0327" * 40, "marks"),
        ("\uff9e\uff9f" * 40, "marks"),
        ("\u0f73\u0f75\u0f81" * 30, "marks"),
        ("#" * 300_000, "300,000 characters"),
    ],
)
def test_what_takes_the_parser_long_is_refused(text, why):
    assert why in illegible(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import a.b\n" * 2_000,
        "x = [" + "a.b, " * 2_000 + "]",
        "# " + "." * 400,
        "s = '" + "e\u0301" * 2_000 + "'",
        "s = '\uff76\uff9e\uff77\uff9e'",
        "s = '\u0e19\u0e49\u0e33'" * 300,
    ],
)
def test_what_does_not_is_taken(text):
    assert illegible(text) == ""


def test_the_library_itself_is_legible():
    for path in Path(illegible.__code__.co_filename).parent.rglob("*.py"):
        assert illegible(path.read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize(
    "text", ["a" * 260_000, "." * 260_000, "\u0301a" * 130_000, " .\\\n" * 60_000]
)
def test_to_look_takes_no_time(text):
    start = process_time()
    illegible(text)
    assert process_time() - start < 1.0
