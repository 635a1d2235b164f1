"""Answers that are nearly what was asked for: what is round them is taken off, and that is said."""

import pytest

from opto.formats import Field, JSONFormat

FIELDS = [Field.of("x0", 3), Field.of("text0", "a")]


def parsed(text, fields=FIELDS, form=None):
    return (form or JSONFormat()).parse(text, fields)


@pytest.mark.parametrize("key", ["Suggestion", " suggestion ", "suggestions", "SUGGESTION"])
def test_a_key_that_is_nearly_that_of_the_values_is_it(key):
    """SPEC 7.2, step 5: keys are stripped."""
    read = parsed(f'{{"{key}": {{"x0": 5}}}}')
    assert read.values == {"x0": 5}
    assert f"{key!r} read as 'suggestion'" in read.repairs


def test_of_two_nearly_right_keys_none_is_taken():
    read = parsed('{"Suggestion": {"x0": 5}, "suggestions": {"x0": 6}}')
    assert (dict(read.values), read.failure is None) == ({}, False)
    read = parsed('{"Suggestion": {"x0": 5}, "suggestion": {"x0": 6}}')
    assert read.values == {"x0": 6}


@pytest.mark.parametrize("inner", ['{"suggestion": {"x0": 5}}', '{"x0": 5}'])
@pytest.mark.parametrize("key", ["answer", "arguments", "parameters", "response"])
def test_an_answer_may_stand_in_an_object(key, inner):
    read = parsed(f'<tool_call>{{"name": "set", "{key}": {inner}}}</tool_call>')
    assert read.values == {"x0": 5}
    assert f"an answer inside of {key!r}" in read.repairs


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": {"y0": 5}}',
        '{"before": {"suggestion": {"x0": 5}}}',
        '{"answer": {"x0": 5}, "output": {"x0": 6}}',
        '{"answer": "x0"}',
    ],
)
def test_other_objects_in_objects_are_none(text):
    read = parsed(text)
    assert dict(read.values) == {}
    assert read.failure is not None


def test_what_was_asked_for_is_not_looked_into():
    own = [Field.of("answer1", {}), *FIELDS]
    read = parsed('{"answer1": {"suggestion": {"x0": 5}}}', own)
    assert read.values == {"answer1": {"suggestion": {"x0": 5}}}
    read = parsed('{"answer": {"x0": 5}}', form=JSONFormat(answer="answer"))
    assert dict(read.values) == {}


def test_what_is_cut_off_in_an_object_is_refused():
    read = parsed('{"answer": {"suggestion": {"text0": "b", "x0": 5')
    assert (read.values, set(read.refused)) == ({"text0": "b"}, {"x0"})


def test_an_answer_may_be_written_as_a_text():
    read = parsed(r'"{\"reasoning\": \"so\", \"suggestion\": {\"x0\": 5}}"')
    assert (read.values, read.reasoning) == ({"x0": 5}, "so")
    assert read.repairs == ("an answer that was written as a text",)


def test_an_answer_may_have_curly_quotes():
    read = parsed("<think>so</think>{“suggestion”: {“x0”: 5}}")
    assert (read.values, read.reasoning) == ({"x0": 5}, "so")
    assert read.repairs[0] == "curly quotes"


@pytest.mark.parametrize("text", ["“x0” should be larger", '"x0"', '"', '"a" or "b"', "“{x0}”"])
def test_words_in_quotes_are_no_answer(text):
    read = parsed(text)
    assert (dict(read.values), read.failure is None) == ({}, False)
