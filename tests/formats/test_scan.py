import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats.lexer import DEPTH
from opto.formats.scan import Block, Found, scanned, without_thoughts


def pieces(text):
    return scanned(text).pieces


def contents(text):
    return [piece.content for piece in pieces(text) if isinstance(piece, Found)]


def blocks(text):
    return [piece for piece in pieces(text) if isinstance(piece, Block)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('Sure! {"a": 1} Done.', [{"a": 1}]),
        ('{"a": {"b": 1}} {"c": 2}', [{"a": {"b": 1}}, {"c": 2}]),
        ("use {x} and {y z} and {1, 2}", []),
        ('```json\n{"a": 1}\n```', [{"a": 1}]),
        ('```\n{"a": 1}\n```', [{"a": 1}]),
        ('[{"a": 1}]', [{"a": 1}]),
        ('{"a": "```py\\nx\\n```"}', [{"a": "```py\nx\n```"}]),
        ('{"a": 1, "b": {"x": 2},,}', [{"a": 1, "b": {"x": 2}}]),
        ("", []),
        ("{}", [{}]),
    ],
)
def test_objects_are_found(text, found):
    assert contents(text) == found


def test_an_object_in_a_block_of_code_is_code():
    text = '```python\ndef f():\n    return {"x0": 1}\n```\n{"a": 2}'
    assert contents(text) == [{"a": 2}]
    assert blocks(text) == [Block('def f():\n    return {"x0": 1}\n')]


def test_a_block_without_an_end_is_not_whole():
    assert blocks("```python\ndef f():\n    ret") == [Block("def f():\n    ret", whole=False)]


def test_a_longer_fence_holds_shorter_ones():
    assert blocks("````md\n```\nx\n```\n````\n") == [Block("```\nx\n```\n")]


def test_an_object_inside_a_broken_one_is_not_found_by_itself():
    """SPEC 11.C1: a member of one value is never taken for a value of its own."""
    assert contents('{"suggestion": {"d": {"x": 1}, "b": 2,},}') == [
        {"suggestion": {"d": {"x": 1}, "b": 2}}
    ]
    assert contents('{"suggestion": {"d": {"x": 1}, "b": "unfin')[0].keys() >= {"suggestion"}


def test_an_unfinished_object_is_not_whole():
    [found] = pieces('{"a": "x", "b": "unfin')
    assert not found.whole


def test_deep_nesting_is_passed_over():
    deep = '{"a":' * (DEPTH + 5) + "1" + "}" * (DEPTH + 5)
    assert contents(deep) == []
    assert contents(deep + ' {"b": 1}') == [{"b": 1}]
    assert contents('{"a":' * 100_000) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('So. <think>{"a": 1} or</think> {"a": 2}', [{"a": 2}]),
        ('So. <think>{"a": 1} or', []),
        ('{"a": 1} or </think> not', []),
        ('{x: hm </think> {"a": 2}', [{"a": 2}]),
        ('{x: <think> {"a": 1} hm', []),
        ('{"a": "</think> <think>"}', [{"a": "</think> <think>"}]),
        ('{"a": "</think>",}', [{"a": "</think>"}]),
        ('```\n<think>\n```\n{"a": 2}', [{"a": 2}]),
    ],
)
def test_what_was_thought_is_not_found(text, found):
    assert contents(text) == found


def test_pieces_know_where_they_stand():
    text = 'so {"a": 1} and {b: 2,} and {"c": '
    found = scanned(text).pieces
    assert [text[f.start : f.end] for f in found] == ['{"a": 1}', "{b: 2,}", '{"c": ']


@given(st.text(max_size=200))
def test_no_text_raises(text):
    scanned(text)


@given(st.text(alphabet="{}[]\",:'`ab1\\\n /*#<>tTrue", max_size=80))
def test_no_text_of_the_alphabet_of_json_raises(text):
    scanned(text)


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers(), min_size=1))
def test_json_is_found_in_prose(content):
    assert contents(f"Here it is: {json.dumps(content)}") == [content]


@pytest.mark.parametrize(
    ("text", "answer", "thoughts", "ended"),
    [
        ("<think>a</think>b", "b", "a", True),
        ("\n<thinking>a\n</thinking>\nb", "\n\nb", "a", True),
        ("<think>a", "", "a", False),
        ('a</think>{"x": 1}', '{"x": 1}', "a", True),
        ("a </think> b", " b", "a", True),
        ("a<THINK>b</think>c<think>d</think>e", "ace", "b\nd", True),
        ("a<think>b</thinking>c", "a", "b</thinking>c", False),
        ("<think>a<think>b</think>c</think>d", "d", "<think>a<think>b</think>c", True),
        ('{"x": "</think>"}', '{"x": "</think>"}', "", True),
        ("b", "b", "", True),
    ],
)
def test_thoughts_are_told_from_the_answer(text, answer, thoughts, ended):
    assert without_thoughts(text) == (answer, thoughts, ended)
