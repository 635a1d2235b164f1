import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats import Field, JSONFormat, Parsed

X, S, C = Field.of("x0", 3), Field.of("s0", "text"), Field.code("__code0", "run")
TWO = [Field.of("a0", "a"), Field.of("b0", "b")]
FORM = JSONFormat()


def parse(text, *fields):
    return FORM.parse(text, fields or [X])


def suggestion(**values):
    return json.dumps({"reasoning": "because", "suggestion": values})


# -- asking ------------------------------------------------------------------------------


def test_the_schema_names_exactly_the_fields_with_their_types():
    schema = FORM.schema([X, C])
    assert schema["properties"]["suggestion"] == {
        "type": "object",
        "properties": {"x0": {"type": "integer"}, "__code0": {"type": "string"}},
        "required": ["x0", "__code0"],
        "additionalProperties": False,
    }
    assert schema["properties"]["reasoning"] == {"type": "string", "maxLength": 400}
    assert list(schema["properties"]) == ["reasoning", "suggestion"]
    assert (schema["required"], schema["additionalProperties"]) == (
        ["reasoning", "suggestion"],
        False,
    )


def test_strict_mode_is_asked_for_only_where_every_part_of_the_schema_is_closed():
    def strict(field):
        return FORM.response_format([field])["json_schema"]["strict"]

    assert strict(X)
    assert strict(Field.of("l0", [1]))
    assert strict(Field.of("h0", "a", ["a", "b"]))
    assert not strict(Field.of("d0", {}))
    assert not strict(Field.of("n0", None))
    assert not strict(Field.of("l0", [1, "a"]))


def test_the_shape_can_be_drawn_and_names_the_choices():
    assert FORM.shape([X, Field.of("h0", "a", ["a", "b"])]) == (
        '{"reasoning": "<text>", "suggestion": {"x0": <int>, "h0": <one of "a" | "b">}}'
    )
    assert '"answer": "<text>"' in JSONFormat(answer="answer").shape([X])


def test_the_keys_can_be_others():
    form = JSONFormat(reasoning="why", suggestion="new")
    assert form.parse('{"why": "w", "new": {"x0": 4}}', [X]) == Parsed("w", values={"x0": 4})
    assert list(form.schema([X])["properties"]) == ["why", "new"]


# -- reading: SPEC 12 A.2 and 11.C1-C4 ------------------------------------------------------

READ = {
    "plain": suggestion(x0=5),
    "fence": f"```json\n{suggestion(x0=5)}\n```",
    "bare fence": f"```\n{suggestion(x0=5)}\n```",
    "preamble": f"Sure, here you are:\n{suggestion(x0=5)}",
    "rest": f"{suggestion(x0=5)}\nI hope {{this}} helps!",
    "trailing comma": '{"suggestion": {"x0": 5,},}',
    "single quotes": "{'reasoning': 'it's', 'suggestion': {'x0': 5}}",
    "no quotes": "{suggestion: {x0: 5}}",
    "doubled braces": '{{"reasoning": "r", "suggestion": {{"x0": 5}}}}',
    "thoughts": f"<think>{suggestion(x0=1)}</think>{suggestion(x0=5)}",
    "end of thoughts": f"{suggestion(x0=1)} no</think>{suggestion(x0=5)}",
    "no closing": '{"suggestion": {"x0": 5 ',
    "other name": '{"suggestion": {"x:0": 5}}',
    "base name": '{"suggestion": {"x": 5}}',
    "quoted name": '{"suggestion": {" `x0` ": 5}}',
    "no suggestion key": '{"x0": 5}',
    "suggestion as text": '{"suggestion": "{\\"x0\\": 5}"}',
    "comments": '{"suggestion": {"x0": 5 /* up */}} // done',
    "drafts": f"{suggestion(x0=1)}\nBetter:\n{suggestion(x0=5)}",
    "runaway": f"{suggestion(x0=5)} " + suggestion(x0=1)[:-4],
    "raw line end": '{"reasoning": "a\nb", "suggestion": {"x0": 5}}',
    "missing comma": '{"reasoning": "r" "suggestion": {"x0": 5}}',
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_what_has_one_meaning_is_read(text):
    parsed = parse(text)
    assert (parsed.values, parsed.failure, parsed.refused) == ({"x0": 5}, None, {})


@pytest.mark.parametrize("name", sorted(set(READ) - {"plain", "rest", "preamble", "drafts"}))
def test_liberties_are_named(name):
    free = {"fence", "bare fence", "thoughts", "end of thoughts"}
    assert bool(parse(READ[name]).repairs) == (name not in free)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (None, "empty"),
        ("   \n", "empty"),
        ("<think>x</think>  ", "nothing after the thoughts"),
        ("<think>x", "cut off while thinking"),
        ("I cannot help with that.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"reasoning": "r"}', 'no key "suggestion"'),
        ('{"reasoning": "r', "cut off"),
        ('{"suggestion": ', "cut off"),
        ('{"suggestion": [1]}', "must be an object"),
        ('{"suggestion": "x0"}', "must be an object"),
        ('{"suggestion": null}', "must be an object"),
        ("{x0: 5}", 'no key "suggestion"'),
        ("Set {x0} to {5}.", "no JSON object"),
    ],
)
def test_what_cannot_be_read_is_said(text, why):
    parsed = parse(text)
    assert why in parsed.failure
    assert parsed.values == {}


@pytest.mark.parametrize(
    "text",
    [
        "TERMINATE",
        " terminate. ",
        "`TERMINATE`",
        '{"suggestion": "TERMINATE"}',
        '{"answer": "TERMINATE", "suggestion": {}}',
        '{"answer": "TERMINATE"}',
    ],
)
def test_an_answer_that_is_terminate_stops(text):
    parsed = parse(text)
    assert (parsed.stop, parsed.values, parsed.failure) == (True, {}, None)


@pytest.mark.parametrize(
    "text",
    [
        '{"suggestion": {"s0": "say TERMINATE to stop"}}',
        '{"suggestion": {"s0": "TERMINATE"}}',
        '{"reasoning": "TERMINATE", "suggestion": {"s0": "x"}}',
        '{"answer": "TERMINATE", "suggestion": {"s0": "x"}}',
        'TERMINATE? No: {"suggestion": {"s0": "x"}}',
    ],
)
def test_the_word_terminate_elsewhere_means_nothing(text):
    """SPEC 11.C2."""
    parsed = parse(text, S)
    assert not parsed.stop
    assert list(parsed.values) == ["s0"]


def test_two_texts_never_merge():
    """SPEC 11.C1."""
    for text in [
        '{"suggestion": {"a0": "A1", "b0": "B1",}}',
        '{"suggestion": {"a0": "A1"\n "b0": "B1"}}',
        "{'suggestion': {'a0': 'A1', 'b0': 'B1',}}",
        '{"suggestion": {"a0": "A1" "b0": "B1"}',
    ]:
        assert parse(text, *TWO).values == {"a0": "A1", "b0": "B1"}


def test_a_fence_inside_a_value_is_part_of_the_value():
    """SPEC 11.C3: JSON first, then fences."""
    code = "```python\ndef run():\n    return {'x0': 1}\n```"
    assert parse(suggestion(s0=code), S).values == {"s0": code}
    assert parse(f"```json\n{suggestion(s0=code)}\n```", S).values == {"s0": code}


def test_a_cut_value_is_refused_and_the_values_before_it_are_not():
    parsed = parse('{"suggestion": {"a0": "whole", "b0": "hal', *TWO)
    assert parsed.values == {"a0": "whole"}
    assert "cut off" in parsed.refused["b0"]


def test_an_unescaped_quote_that_may_be_the_end_is_refused():
    parsed = parse('{"suggestion": {"a0": "5" tall", "b0": "x"}}', *TWO)
    assert parsed.values == {"b0": "x"}
    assert "quotes" in parsed.refused["a0"]


def test_names_that_mean_several_fields_or_none_are_unknown():
    fields = [Field.of("x0", 1), Field.of("x1", 1)]
    parsed = parse('{"suggestion": {"x": 5, "y0": 6, "x00": 7}}', *fields)
    assert (parsed.values, parsed.unknown) == ({}, {"x": 5, "y0": 6, "x00": 7})


def test_the_exact_name_wins_over_one_that_means_the_same():
    assert parse('{"suggestion": {"x0": 5, "x:0": 6}}').values == {"x0": 5}
    assert parse('{"suggestion": {"x:0": 6, "x0": 5}}').values == {"x0": 5}


def test_a_field_named_like_another_ones_base_is_itself():
    fields = [Field.of("x", 1), Field.of("x0", 1)]
    assert parse('{"suggestion": {"x": 5}}', *fields).values == {"x": 5}


def test_code_alone_counts_where_one_function_was_asked_for_and_is_there():
    code = "def run(x):\n    return x"
    assert parse(f"Like this:\n```python\n{code}\n```\n", C, X).values == {"__code0": code}
    assert parse(f"```\n{code}\n```", C).repairs == ("a block of code in place of JSON",)
    assert parse("```python\ndef walk(x): ...\n```", C).failure
    assert parse(f"```python\n{code}\n```", X).failure
    assert parse(f"```python\n{code}", C).refused["__code0"]
    assert parse(f"```python\n{code}\n```", C, Field.code("__code1", "f")).failure


def test_json_counts_before_code():
    text = f"```python\ndef run(x): return 1\n```\n{suggestion(__code0='def run(x): return 2')}"
    assert parse(text, C).values == {"__code0": "def run(x): return 2"}


def test_an_object_in_code_is_no_suggestion():
    assert parse('```python\nsettings = {"x0": 9}\n```').failure


def test_reasoning_and_answer_are_kept():
    parsed = parse('<think>hm</think>{"reasoning": "r", "answer": 4, "suggestion": {"x0": 1}}')
    assert (parsed.reasoning, parsed.answer) == ("hm\nr", "4")


# -- whatever a model writes ---------------------------------------------------------------

TEXTS = st.text(max_size=120) | st.text(alphabet="{}[]\",:'`x0a5\\\n</>think#*()", max_size=120)
WORDS = """{"suggestion":{ "x0": 5 "s0":" t " } }} , ``` ```json <think> </think> TERMINATE
{{ ' \\ "suggestion" : null [ def"""
BITS = st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=20).map("".join)


@given(TEXTS | BITS)
def test_no_text_raises_and_values_are_of_known_names(text):
    parsed = parse(text, X, S, C)
    assert set(parsed.values) <= {"x0", "s0", "__code0"}
    assert not set(parsed.values) & set(parsed.refused)
    assert parsed.failure or parsed.stop or isinstance(parsed.values, dict)


@given(TEXTS | BITS, st.sampled_from(["y1", "zz9"]))
def test_what_is_not_named_is_not_given(text, name):
    assert name not in text
    assert name not in parse(text, Field.of(name, 1)).values


@given(st.dictionaries(st.sampled_from(["x0", "s0"]), st.text() | st.integers(), min_size=1))
def test_values_come_back_as_they_were_written(values):
    parsed = parse(suggestion(**values), X, S)
    assert (parsed.values, parsed.repairs) == (values, ())


@pytest.mark.parametrize(
    "unit", ['{"a":', "{'a': \"", "[", '{"a":-', '{"a":[1,],', "```\n", '"', "/*", '{"a" b ', "{{"]
)
def test_hostile_repetition_takes_time_in_proportion(unit):
    start = time.perf_counter()
    parse(unit * (100_000 // len(unit)), X, S, C)
    assert time.perf_counter() - start < 5


MENDED = {
    "a key again": ('{"suggestion": {"x0": 1, "x0": 2}}', {"x0": 2}, "values for 'x0'"),
    "a key again, bent": ("{suggestion: {x0: 1, x0: 2}}", {"x0": 2}, "values for 'x0'"),
    "a name again": ('{"suggestion": {"x:0": 1, "x0": 2}}', {"x0": 2}, "values for 'x0'"),
    "another answer": (suggestion(x0=1) + suggestion(x0=2), {"x0": 2}, "last whole answer"),
    "a pair": ('{"name": "x0", "value": 2}', {"x0": 2}, "a name and a value in place"),
    "a pair as a suggestion": (
        '{"suggestion": {"name": "x0", "value": 2}}',
        {"x0": 2},
        "a name and a value in place",
    ),
    "pairs": (
        '{"suggestion": [{"name": "x0", "value": 2}, {"name": "q0", "value": "b"}]}',
        {"x0": 2},
        "objects of a name and a value",
    ),
}


@pytest.mark.parametrize(("text", "values", "told"), MENDED.values(), ids=MENDED)
def test_what_was_said_twice_or_in_pairs_is_read_and_named(text, values, told):
    parsed = parse(text)
    assert parsed.values == values
    assert any(told in repair for repair in parsed.repairs)


@pytest.mark.parametrize(
    "text",
    [
        '{"suggestion": {"x0": 2, "x0": 2}}',
        suggestion(x0=2) * 2,
        '{"suggestion": {"x0": 2}, "note": {"name": 1, "value": 2}}',
    ],
)
def test_what_was_said_twice_alike_needs_no_word(text):
    assert (parse(text).values, parse(text).repairs) == ({"x0": 2}, ())


@pytest.mark.parametrize(
    "given",
    [
        '[{"name": "x0", "value": 1}, {"name": "x0", "value": 2}]',
        '[{"name": "x0"}]',
        "[]",
        '[{"name": 3, "value": 1}]',
        '[{"name": "x0", "value": 1, "why": "so"}]',
    ],
)
def test_pairs_that_are_not_clear_are_none(given):
    parsed = parse(f'{{"suggestion": {given}}}')
    assert parsed.values == {}
    assert parsed.failure
