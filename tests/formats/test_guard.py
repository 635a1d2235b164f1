import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats.guard import freed, guarded, tag_in

TAGS = ("value", "variable")


@pytest.mark.parametrize("text", ["", "plain", "a < b > c", "<b>bold</b>", "a\n\n    b", "``x``"])
def test_most_texts_stand_as_they_are(text):
    assert guarded(text, TAGS) == text


@pytest.mark.parametrize("text", ["<value>", "a </VARIABLE >", " edge", "edge\n", "```\n", "&lt;"])
def test_what_would_leave_its_place_or_lose_its_edges_is_fenced(text):
    first, *_, last = guarded(text, TAGS).split("\n")
    assert first == last
    assert set(first) == {"`"}


@given(st.text(alphabet="`~\n a", max_size=30))
def test_no_text_holds_its_own_fence(text):
    lines = guarded(f"{text}<value>", TAGS, "python").split("\n")
    assert lines[0] == f"{lines[-1]}python"
    assert not any(lines[-1] in line for line in lines[1:-1])


def test_tags_are_whole_words():
    assert tag_in("</value>", TAGS)
    assert not tag_in("<values>", TAGS)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("&lt;value&gt; &amp; more", "<value> & more"),
        ("&lt;b&gt;", None),  # no tag of ours: it is what was meant
        ("&lt;value&gt; < 3", None),  # not escaped throughout
        ("&lt;value&gt; & more", None),
    ],
)
def test_entities_are_freed_where_they_can_only_be_escapes(text, result):
    assert freed(text, TAGS)[0] == (result or text)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("x &lt; 3", "x < 3"),
        ("f('&lt;')", None),
        ("x &lt; 3 &lt;&lt;&lt;", None),  # no code either way
        ("x < 3 # &lt;", None),
    ],
)
def test_entities_of_code_are_freed_where_code_needs_them(code, result):
    assert freed(code, TAGS, is_code=True)[0] == (result or code)
