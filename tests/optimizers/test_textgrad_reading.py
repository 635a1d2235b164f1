"""What is read in answers, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm import Reply
from opto.optimizers.textgrad_reading import (
    AMBIGUOUS,
    CUT_OFF,
    is_nothing,
    merged_in,
    wanted_in,
    written_in,
)

FIVE = "<IMPROVED_VARIABLE>5</IMPROVED_VARIABLE>"
FOUR = "<IMPROVED_VARIABLE>4</IMPROVED_VARIABLE>"
ONE_IN_ANOTHER = f"Use {FOUR}."
VALUES = {
    "plain": (FIVE, "5"),
    "lines": ("Hm.\n<IMPROVED_VARIABLE>\na\n b\n</IMPROVED_VARIABLE>\nDone.", "a\n b"),
    "case and spaces": ("< improved variable >5</ Improved-Variable >", "5"),
    "attributes": ('<IMPROVED_VARIABLE name="x0">5</IMPROVED_VARIABLE>', "5"),
    "last of two": (f"{FOUR} {FIVE}\n", "5"),
    "fence": ("<IMPROVED_VARIABLE>\n```text\n  a \n```\n</IMPROVED_VARIABLE>", "  a "),
    "thought": (f"<think>{FOUR}</think>\n{FIVE}", "5"),
    "end of a thought": (f"{FOUR} no </think>{FIVE}", "5"),
    "torn thought": (f"<IMPROVED_VARIABLE>4 no </think>{FIVE}", "5"),
    "spoken of": (f"It goes into <IMPROVED_VARIABLE> as asked.\n{FIVE}", "5"),
    "nested": (f"<IMPROVED_VARIABLE>{ONE_IN_ANOTHER}</IMPROVED_VARIABLE>", ONE_IN_ANOTHER),
    "thoughts in a value": (FIVE.replace("5", "Use <think>..</think>."), "Use <think>..</think>."),
    "torn closing tag": ("<IMPROVED_VARIABLE>5</IMPROVED_VARIABLE", "5"),
    "a word that is a value": (FIVE.replace("5", "none"), "none"),
}


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES)
def test_values(text, value):
    written = written_in(Reply(text))
    assert (written.text, written.why) == (value, None)


NONE = {
    "empty": ("", "the answer is empty"),
    "no tag": ("Set it to 5.", "the answer holds no <IMPROVED_VARIABLE>"),
    "cut off": ("<IMPROVED_VARIABLE>Be cle", CUT_OFF),
    "cut off after a draft": (
        "<IMPROVED_VARIABLE>4</IMPROVED_VARIABLE> or\n<IMPROVED_VARIABLE>5", CUT_OFF),
    "thinking": ("<think> <IMPROVED_VARIABLE>4</IMPROVED_VARIABLE>", CUT_OFF),
    "thoughts only": ("<think>5</think>", "the answer holds no <IMPROVED_VARIABLE>"),
    "two openings": ("<IMPROVED_VARIABLE>Write <IMPROVED_VARIABLE> first</IMPROVED_VARIABLE>",
                     AMBIGUOUS),
    "two closings": ("<IMPROVED_VARIABLE>a</IMPROVED_VARIABLE> b</IMPROVED_VARIABLE>", AMBIGUOUS),
    "nothing in it": ("<IMPROVED_VARIABLE>\n</IMPROVED_VARIABLE>", "the value is empty"),
    "the form itself": ("<IMPROVED_VARIABLE>\n...\n</IMPROVED_VARIABLE>", "the value is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "why"), NONE.values(), ids=NONE)
def test_what_is_no_value(text, why):
    written = written_in(Reply(text))
    assert (written.text, written.why) == (None, why)


def test_an_answer_that_the_provider_cut_off_is_known_as_such():
    assert written_in(Reply("I think that", finish_reason="length")).why == CUT_OFF


@pytest.mark.parametrize(
    "text", ["NO CHANGE", "<IMPROVED_VARIABLE>\n**No change**\n</IMPROVED_VARIABLE>"]
)
def test_a_value_that_shall_stay(text):
    written = written_in(Reply(text))
    assert (written.text, written.why) == (None, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<GRADIENT name="a0">up</GRADIENT><GRADIENT name="b0">down</GRADIENT>', "up down"),
        ("<gradient for=b:0>down</gradient>\n<gradient for='a'>up</gradient>", "up down"),
        ("<GRADIENT>up</GRADIENT><GRADIENT>down</GRADIENT>", "up down"),
        ('<GRADIENT name="a0">up\n<GRADIENT name="b0">down', "up down"),
        ("<think>no</think>both", "both both"),
        ('<GRADIENT name="a0">up</GRADIENT>', "up -"),
        ('<GRADIENT name="a0">up</GRADIENT><GRADIENT name="b0">No change.</GRADIENT>', "up -"),
        ("NO CHANGE", "- -"),
    ],
)
def test_wishes(text, found):
    wanted = wanted_in(Reply(text), ["a0", "b0"])
    assert " ".join(wanted.get(name, "-") for name in ("a0", "b0")) == found


@pytest.mark.parametrize("text", ["", "<think>hm", '<GRADIENT name="a0">\n...\n</GRADIENT>', " .."])
def test_silence_is_no_judgement(text):
    assert wanted_in(Reply(text), ["a0"]) is None
    assert merged_in(Reply(text)) is None


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("NO CHANGE", True),
        ("There is nothing to change.", True),
        ("`No changes are needed`", True),
        ("No change of the sign is needed, but halve it.", False),
        ("none of the words fits", False),
    ],
)
def test_nothing_to_change(text, nothing):
    assert is_nothing(text) is nothing
    assert (merged_in(Reply(text)) == "") is nothing


PIECES = (
    "<IMPROVED_VARIABLE>", "</IMPROVED_VARIABLE>", "<think>", "</think>", "<GRADIENT name='a0'>",
    "</GRADIENT>", "```", "\n", "NO CHANGE", "5", "...", "&lt;", "<", "/", "IMPROVED_VARIABLE",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(), st.booleans())
def test_nothing_raises_and_what_is_read_stood_there(text, code):
    written = written_in(Reply(text), is_code=code)
    assert written.text is None or written.why is None
    if written.text is not None and "escaped characters" not in written.repairs:
        assert written.text in text
        assert "<IMPROVED_VARIABLE>" in text
    wanted_in(Reply(text), ["a0", "b0"])
    merged_in(Reply(text))


def test_long_answers_are_read_in_time():
    for piece in PIECES:
        written_in(Reply(piece * 20_000))
        wanted_in(Reply(piece * 20_000), ["a0"])
