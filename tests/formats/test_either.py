"""An answer in another form is read, and what stands inside of a value names nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats import Field, JSONFormat, Parsed, TagFormat, read_answer

FIELDS = [Field.of("x0", 3), Field.of("s0", "text"), Field.code("__code0", "run")]
JSON, TAGS = JSONFormat(), TagFormat()
TOLD_JSON = "another form than the JSON that was asked for"
TOLD_TAGS = "another form than the tags that were asked for"


def says(**values):
    return TAGS.write(values).removeprefix("<reasoning>\n\n</reasoning>\n")


def suggests(**values):
    return json.dumps({"suggestion": values})


def read(form, text):
    return read_answer(form, text, FIELDS)


IN_TAGS = {
    "elements alone": (says(x0=5), {"x0": "5"}),
    "with reasoning": (TAGS.write({"x0": 5}, "small"), {"x0": "5"}),
    "in a fence": (f"```xml\n{says(x0=5)}\n```", {"x0": "5"}),
    "an object as a value": (says(s0=suggests(x0=1)), {"s0": suggests(x0=1)}),
    "an object without the key as a value": (says(s0='{"x0": 1}'), {"s0": '{"x0": 1}'}),
    "after an object that is none": (f'It was {{"x0": 3}}. {says(x0=5)}', {"x0": "5"}),
    "beside one with elements in it": (
        f"{json.dumps({'note': says(x0=1)})}\n{says(s0='a')}",
        {"s0": "a"},
    ),
    "code": (says(__code0="def run(x):\n    return {'x0': 1}"),
             {"__code0": "def run(x):\n    return {'x0': 1}"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "values"), IN_TAGS.values(), ids=IN_TAGS)
def test_tags_are_read_where_json_was_asked_for(text, values):
    parsed = read(JSON, text)
    assert parsed.values == values
    assert parsed.repairs[0] == TOLD_JSON
    assert (parsed.failure, parsed.unknown) == (None, {})


AS_JSON = {
    "alone": (suggests(x0=5), {"x0": 5}),
    "with elements in a value": (suggests(s0=says(x0=1)), {"s0": says(x0=1)}),
    "with elements in a key": (json.dumps({"suggestion": {"x0": 5, says(s0="a"): 1}}), {"x0": 5}),
    "in a fence": (f"```json\n{suggests(s0=says(x0=1))}\n```", {"s0": says(x0=1)}),
}


@pytest.mark.parametrize(("text", "values"), AS_JSON.values(), ids=AS_JSON)
def test_json_is_read_where_tags_were_asked_for(text, values):
    parsed = read(TAGS, text)
    assert parsed.values == values
    assert parsed.repairs[0] == TOLD_TAGS
    assert parsed.failure is None


@pytest.mark.parametrize(("text", "values"), AS_JSON.values(), ids=AS_JSON)
def test_what_was_asked_for_needs_no_repair(text, values):
    parsed = read(JSON, text)
    assert parsed.values == values
    assert TOLD_JSON not in parsed.repairs


BOTH = f"{says(x0=4)}\n{suggests(x0=5)}"


def test_where_both_stand_side_by_side_the_form_that_was_asked_for_counts():
    assert read(JSON, BOTH).values == {"x0": 5}
    assert read(TAGS, BOTH).values == {"x0": "4"}


def test_a_cut_off_object_adopts_nothing_that_stands_in_its_values():
    parsed = read(TAGS, suggests(s0=says(x0=1) + " and so")[:-12])
    assert parsed.values == {}


@pytest.mark.parametrize("form", [JSON, TAGS])
@pytest.mark.parametrize("text", ["", None, "TERMINATE", "nothing", "<think>" + says(x0=5)])
def test_all_else_is_as_the_form_reads_it(form, text):
    assert read(form, text) == form.parse(text, FIELDS)


def test_another_form_than_ours_reads_by_itself():
    class Own:
        def parse(self, text, fields):
            return Parsed(text + fields[0].name)

    assert read(Own(), says(x0=5)).reasoning == says(x0=5) + "x0"


VALUES = st.recursive(
    st.text(max_size=20) | st.integers(),
    lambda inner: st.sampled_from(["x0", "s0"]).flatmap(
        lambda name: (
            inner.map(lambda value: says(**{name: value}))
            | inner.map(lambda value: suggests(**{name: value}))
            | inner.map(lambda value: json.dumps({name: value}))
        )
    ),
    max_leaves=3,
)


@given(VALUES, st.sampled_from([JSON, TAGS]), st.sampled_from([says, suggests]))
def test_whatever_stands_in_a_value_no_other_is_named_by_it(value, form, written):
    parsed = read(form, written(s0=value))
    assert set(parsed.values) | set(parsed.refused) <= {"s0"}
    if parsed.values and written is says:
        assert parsed.values["s0"] == str(value)
