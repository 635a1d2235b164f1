import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats.lexer import CUT, DEPTH, UNSURE, marked, normal_object

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=9), JSON, max_size=4)


def read(text):
    normal = normal_object(text, text.index("{"))
    return json.loads(normal.text), normal.mends


@given(OBJECTS)
def test_json_stays_what_it_is(content):
    text = json.dumps(content)
    normal = normal_object(text, 0)
    assert json.loads(normal.text) == content
    assert (normal.end, normal.closed, normal.mends) == (len(text), True, ())


@given(OBJECTS, st.text())
def test_what_follows_an_object_is_not_read(content, rest):
    text = json.dumps(content)
    assert normal_object(text + rest, 0).end == len(text)


@given(st.dictionaries(st.text(st.characters(exclude_characters="'")), st.integers()))
def test_python_dictionaries_are_read(content):
    assert read(repr(content))[0] == content


@pytest.mark.parametrize(
    ("text", "content", "mend"),
    [
        ("{'a': 'it\\'s'}", {"a": "it's"}, "other quotes than JSON's"),
        ("{'a': 'don't stop'}", {"a": "don't stop"}, "quotes inside a string"),
        ('{"a": "say "hi" now"}', {"a": 'say "hi" now'}, "quotes inside a string"),
        ('{"a": "x\ny"}', {"a": "x\ny"}, "line ends inside a string"),
        ('{"a": """x"y\n""", "b": 1}', {"a": 'x"y\n', "b": 1}, "other quotes than JSON's"),
        ('{"a": `x`}', {"a": "x"}, "other quotes than JSON's"),
        ('{"a": 1,}', {"a": 1}, "a trailing comma"),
        ('{"a": [1,],}', {"a": [1]}, "a trailing comma"),
        ('{"a": 1 /* c */, // d\n "b": 2 # e\n}', {"a": 1, "b": 2}, "a comment"),
        ('{"a": True, "b": None}', {"a": True, "b": None}, "Python's words for JSON's"),
        ("{a: 1}", {"a": 1}, "a word without quotes"),
        ('{"a": (1, 2)}', {"a": [1, 2]}, "a tuple for a list"),
        ('{"a": "A" "b": 1}', {"a": "A", "b": 1}, "a missing comma"),
        ('{"a": "A"\n "b": 1}', {"a": "A", "b": 1}, "a missing comma"),
        ('{{"a": {{"b": "x{{y}}"}}}}', {"a": {"b": "x{{y}}"}}, "doubled braces"),
        ('{"a": [1, 2}', {"a": [1, 2]}, "a missing bracket"),
        ('{"a": 1]}', {"a": 1}, "a bracket too many"),
        (r'{"a": "\d", }', {"a": r"\d"}, "a backslash that was not escaped"),
    ],
)
def test_each_mend_is_made_and_named(text, content, mend):
    assert read(text)[0] == content
    assert mend in read(text)[1]


def test_two_escapes_of_one_character_are_one_character():
    assert read(r'{"a": "\ud83d\ude00",}')[0] == {"a": "\U0001f600"}


def test_numbers_next_to_each_other_stay_apart():
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(normal_object('{"a": [2 3]}', 0).text)


@pytest.mark.parametrize(
    "text",
    ['{"a": "wor', '{"a": 1', '{"a": [1, 2', '{"a": {"b": 1', '{"a": ', '{"a": tru', "{'a': 'x"],
)
def test_a_value_that_is_cut_off_is_marked(text):
    assert "cut off" in marked(read(text)[0]["a"])


@pytest.mark.parametrize(
    "text", ['{"a": "x"', '{"a": 1 ', '{"a": [1]', '{"a": "x",', '{"a": "x", "b', '{"a": "x", "b"']
)
def test_a_value_before_the_cut_is_whole(text):
    assert marked(read(text)[0]["a"]) is None


@given(OBJECTS, st.data())
def test_no_prefix_of_an_answer_is_read_as_another_answer(content, data):
    """Cut anywhere: each value that comes out is one that went in, or is marked."""
    text = json.dumps({"a": content, "b": 12345, "c": "words"})
    cut = data.draw(st.integers(1, len(text) - 1))
    normal = normal_object(text[:cut], 0)
    assert not normal.closed
    found = json.loads(normal.text)
    whole = {"a": content, "b": 12345, "c": "words"}
    for key, value in found.items():
        assert marked(key) or marked(value) or whole[key] == value


def test_an_odd_quote_leaves_the_end_of_a_text_uncertain():
    content, _ = read('{"a": "5" tall", "b": 1}')
    assert UNSURE in content["a"]
    assert "not certain" in marked(content["a"])
    assert content["b"] == 1


def test_two_texts_in_a_row_are_not_one():
    content, _ = read('{"a": ["c" "d"], "b": 1}')
    assert "not certain" in marked(content["a"])
    assert content["b"] == 1


def test_what_nests_too_deeply_is_no_answer():
    assert normal_object('{"a":' * (DEPTH + 1), 0) is None
    assert normal_object('{"a":' * (DEPTH - 1), 0) is not None


def test_marks_are_found_wherever_they_are():
    assert marked({"a": [{"b": [CUT]}]})
    assert marked({CUT: 1})
    assert marked([1, "x", None, {"a": "b"}]) is None


def test_reading_takes_time_in_proportion_to_the_text():
    def seconds(text):
        start = time.perf_counter()
        normal_object(text, 0)
        return time.perf_counter() - start

    unit = '{"a": "x"y", \'b\': 1,'
    short = min(seconds("{" + unit[1:] * 300) for _ in range(3))
    long = min(seconds("{" + unit[1:] * 3000) for _ in range(3))
    assert long < 40 * short
