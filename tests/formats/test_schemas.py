"""A schema of a value keeps its meaning inside of the schema of an answer."""

import pytest

from opto.formats import Field, JSONFormat
from opto.formats.schemas import drawn, is_strict, moved, pointer

TREE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/tree",
    "type": "object",
    "properties": {
        "left": {"$ref": "#"},
        "right": {"$ref": "https://example.com/tree"},
        "leaf": {"$ref": "#/$defs/leaf"},
        "$ref": {"type": "string"},
    },
    "$defs": {"leaf": {"enum": [1, 2], "default": {"$ref": "#/data"}}},
}


def test_what_a_schema_refers_to_moves_with_it():
    made = moved(TREE, "#/a/b")
    assert made["properties"]["left"] == {"$ref": "#/a/b"}
    assert made["properties"]["right"] == {"$ref": "#/a/b"}
    assert made["properties"]["leaf"] == {"$ref": "#/a/b/$defs/leaf"}
    assert made["properties"]["$ref"] == {"type": "string"}
    assert made["$defs"]["leaf"]["default"] == {"$ref": "#/data"}
    assert not {"$schema", "$id"} & set(made)


def test_an_anchor_stays_what_it_is():
    schema = {"$ref": "#leaf", "$defs": {"leaf": {"$anchor": "leaf"}}}
    assert moved(schema, pointer("properties", "x0")) == schema


@pytest.mark.parametrize("name", ["x0", "a/b~c"])
def test_an_answer_is_held_to_the_schema_of_each_value(name):
    validators = pytest.importorskip("jsonschema")
    form = JSONFormat()
    schema = form.schema([Field(name, "dict", TREE)])
    validators.Draft202012Validator.check_schema(schema)
    for value, right in [({"leaf": 1}, True), ({"leaf": 3}, False), ({"left": {"leaf": 3}}, False)]:
        answer = {"reasoning": "", "suggestion": {name: value}}
        assert validators.Draft202012Validator(schema).is_valid(answer) is right


CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "integer", "minimum": 0}, True),
        ({"enum": ["a"]}, True),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, True),
        ({"type": "array"}, False),
        ({"type": "array", "items": True}, False),
        ({}, False),
        ({"type": ["integer", "null"]}, False),
        (CLOSED, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "properties": {"a": {}}}, False),
        ({"$ref": "#/$defs/a", "$defs": {}}, False),
    ],
)
def test_strict_is_what_is_closed_in_all_its_parts(schema, strict):
    assert is_strict(schema) is strict


def test_an_object_is_drawn_with_its_keys():
    parts = {"a": {"enum": [1, 2]}, "b": {"type": "string"}, "c": {"$ref": "#"}, "d": True}
    assert drawn({"properties": parts}, "Point") == (
        '{"a": <one of 1 | 2>, "b": "<text>", "c": <value>, "d": <value>}'
    )


def test_what_may_be_of_several_types_is_drawn_with_all_of_them():
    parts = {"n": {"type": ["integer", "null"]}, "s": {"type": ["string", "null"]}}
    assert drawn({"properties": parts}, "dict") == '{"n": <integer or null>, "s": <text or null>}'


def test_many_keys_and_deep_objects_are_not_drawn():
    assert drawn({"properties": {str(i): {} for i in range(50)}}, "dict") == "<dict>"
    schema = {}
    for _ in range(50):
        schema = {"properties": {"a": schema}}
    assert drawn(schema, "dict").count("a") < 5
