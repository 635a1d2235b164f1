"""Answers that are very long, or nest without end: read in time, and none raises."""

import json
import time

import pytest

from opto.formats import Field, JSONFormat, TagFormat, read_answer

FIELDS = [Field.of("x0", 3), Field.of("s0", "text"), Field.code("__code0", "run")]
VALUE = "<variable><name>x0</name><value>"
LARGE = {
    "braces": "{" * 300_000,
    "brackets": '{"suggestion": {"x0": ' + "[" * 100_000,
    "tags": "<variable>" * 30_000,
    "half tags": "<variable name=" * 20_000,
    "names": "<variable><name>x0</name>" * 10_000,
    "values without end": (VALUE + "5") * 10_000,
    "values in values": VALUE + "<value>" * 40_000,
    "ends of values": VALUE + "</value>" * 40_000,
    "fences": "```\nx\n" * 40_000,
    "thoughts": "<think>" * 40_000,
    "ends of thoughts": "</think>" * 40_000,
    "braces before thoughts": "{a: </think>" * 25_000,
    "objects": '{"a": 1} ' * 20_000,
    "objects without end": '{"suggestion": {"x0": 1, ' * 10_000,
    "bent objects": "{a: 1} " * 20_000,
    "quotes": '{"suggestion": {"s0": "' + '"x ' * 60_000 + '"}}',
    "commas": '{"suggestion": {"x0": 5' + "," * 150_000 + "}}",
    "one character": "x" * 1_000_000,
    "spaces": "<variable>" + " " * 300_000,
}


@pytest.mark.parametrize("form", [JSONFormat(), TagFormat()], ids=["json", "tagged"])
@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_time_grows_no_faster_than_the_answer(text, form):
    start = time.process_time()
    read_answer(form, text, FIELDS)
    # One that looks through the rest of the text at each of its parts takes minutes.
    assert time.process_time() - start < 6


@pytest.mark.parametrize("form", [JSONFormat(), TagFormat()], ids=["json", "tagged"])
def test_a_value_of_a_megabyte_is_read_whole(form):
    value = "Größe 🙂\n" * 100_000 + "end"
    assert read_answer(form, form.write({"s0": value}), FIELDS).values == {"s0": value}
    cut = form.write({"s0": value})[:-40]
    assert read_answer(form, cut, FIELDS).values == {}


def test_many_keys_are_read():
    given = {f"k{i}": i for i in range(50_000)} | {"x0": 5}
    parsed = read_answer(JSONFormat(), json.dumps({"suggestion": given}), FIELDS)
    assert parsed.values == {"x0": 5}
