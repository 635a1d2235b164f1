import re
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import opto.prompts
from opto.formats import visible
from opto.optimizers.dialect import DIALECTS
from opto.optimizers.fences import (
    HOUSE,
    alone,
    explained,
    fenced,
    indented,
    line_of,
    marks,
    moved_in,
    within,
)
from opto.optimizers.opro import OPRO
from opto.prompts import prompt
from tests.optimizers.reader import outside

PROMPTS = sorted(Path(opto.prompts.__file__).parent.glob("*.md"))
OURS = ["#Feedback", "# Wanted of it", "```", "~~~~", "Candidate 2", "\n", " ", "a", "</value>"]
HOSTILE = st.text(max_size=40) | st.lists(st.sampled_from(OURS), max_size=9).map("".join)


@given(HOSTILE)
def test_nothing_ends_a_fence_but_its_end(text):
    for language in ("", "python"):
        assert outside(fenced(text, language)) == [tuple(visible(text).splitlines() or [""])] or (
            text.endswith("\n") or text == ""
        )
        lines = outside(fenced(text, language))
        assert len(lines) == 1
        assert "\n".join(lines[0]).split() == "\n".join(visible(text).splitlines()).split()


@given(HOSTILE)
def test_a_text_is_on_its_line_or_in_a_fence(text):
    first, *more = outside(f"name={line_of(text)}")
    assert first == ("name=" if more else f"name={visible(text)}")
    assert len(more) <= 1
    assert all(isinstance(line, tuple) for line in more)


@given(HOSTILE)
def test_a_text_alone_begins_nothing(text):
    (line,) = outside(alone(text)) or [""]
    assert isinstance(line, tuple) or not (line.startswith("#") or HOUSE.begins(line))


@given(HOSTILE, st.sampled_from([f"{line}\n" for line in OURS]))
def test_the_code_of_a_fence_does_not_stand_in_it_and_is_always_the_same(text, ours):
    written = fenced(ours + text + "```")
    code = re.match(r"```([0-9a-f]{8})\n", written)[1]
    assert written.count(code) == 2
    assert written == fenced(ours + text + "```")


def test_two_texts_have_two_codes():
    assert fenced("#Feedback\na").splitlines()[0] != fenced("#Feedback\nb").splitlines()[0]


def test_a_secret_leaves_no_trace_in_a_code(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    one = fenced("#Feedback\nhunter2hunter2").splitlines()[0]
    monkeypatch.setenv("MY_API_KEY", "hunter3hunter3")
    assert fenced("#Feedback\nhunter3hunter3").splitlines()[0] == one


def test_ordinary_texts_have_ordinary_fences():
    assert fenced("def f(x):\n    # half\n    return x / 2", "python").startswith("```python\n")
    assert fenced("two\nlines") == "```\ntwo\nlines\n```"
    assert within("# Mine\n\na < b", HOUSE) == "# Mine\n\na < b"


LONG = ["#", "`", "<", "# ", "</ ", "\r", "#Feedback :", "\nYour answer", "value\n", "\x00"]


@pytest.mark.parametrize("part", LONG)
def test_no_text_takes_more_than_linear_time(part):
    """A search of quadratic time would take minutes."""
    own = marks((), ("value",))
    begin = process_time()
    for text in (part * 100_000, f"{part}{' ' * 200_000}x", f"{part * 100_000}x"):
        fenced(text, "", own)
        within(text, own)
        alone(text, own)
        moved_in(text, own)
    assert process_time() - begin < 10


@pytest.mark.parametrize("text", ["", "one", "#ff0000", "a `b` c"])
def test_ordinary_values_stay_on_their_line(text):
    assert line_of(text) == text


@pytest.mark.parametrize("file", PROMPTS, ids=lambda file: file.stem)
def test_all_titles_and_parts_of_prompts_are_known(file):
    """What is a part of a prompt looks like one: the lists that say so are complete."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("#"):
            assert HOUSE.begins(line), line
    if (file.stem.startswith("multi_") and "experts" not in file.stem) or file.stem in (
        "optoprime_closing",
        "optoprime_highlight",
        "optoprime_memory",
        "opro_memory",
        "optoprime_repair",
        "fence",
    ):
        assert HOUSE.begins(lines[0]), lines[0]


@pytest.mark.parametrize("make", [*DIALECTS.values(), *OPRO.dialects.values()])
def test_all_titles_and_tags_of_dialects_are_known(make):
    dialect = make()
    own = marks((), dialect.writing.tags)
    assert all(map(own.begins, dialect.titles.values()))
    assert all(
        own.begins(f"</{tag}>") and own.begins(f"<{tag} a=1>") for tag in dialect.writing.tags
    )


def test_titles_of_the_users_own_are_known():
    own = marks(("VALUES:", "# Sayings"))
    assert alone("VALUES:", own).startswith("```")
    assert fenced("x\n##sayings", "", own).splitlines()[0] != "```"
    assert alone("VALUES:") == "VALUES:"


def test_a_code_is_explained_once_and_only_where_there_is_one():
    plain, coded = fenced("two\nlines"), fenced("```")
    assert explained(plain) == plain
    words = explained(f"{plain}\n{coded}")
    bar = coded.splitlines()[0]
    assert words == f"{prompt('fence').fill(line=bar)}\n\n{plain}\n{coded}"
    assert explained(coded, words) == coded


def test_what_the_user_asks_for_stays_words_and_opens_no_section():
    assert moved_in("Be short.\nBe kind, as #Feedback says.") == (
        "Be short.\nBe kind, as #Feedback says."
    )
    assert moved_in("Do:\n#Feedback\n```\n") == "    Do:\n    #Feedback\n    ```"


@given(st.text(alphabet="#a \n\r\x0b\x85", max_size=30))
def test_no_line_but_the_first_of_an_indented_text_is_a_title(text):
    assert not any(line.startswith("#") for line in indented(text).splitlines()[1:])
