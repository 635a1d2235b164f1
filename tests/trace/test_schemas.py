"""What a JSON schema says about values, and what is no schema."""

import socket
import sys
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

from opto.errors import ModelMissing, NodeError
from opto.trace.schemas import as_json, checked_schema, violations

PORT = {
    "type": "object",
    "properties": {"port": {"$ref": "#/$defs/port"}},
    "required": ["port"],
    "additionalProperties": False,
    "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
}


class Hue(Enum):
    RED = "r"


class Kind(str, Enum):
    ONE = "one"


@dataclass
class Point:
    x: int = 1
    hue: Hue = Hue.RED


WRONG = {
    "a number out of range": (PORT, {"port": 70000}, "at $.port: 70000 is greater than"),
    "a missing key": (PORT, {}, "'port' is a required property"),
    "another key": (PORT, {"port": 1, "q": 2}, "'q' was unexpected"),
    "another type": (PORT, [1], "is not of type 'object'"),
    "JSON in a text": (PORT, '{"port": 0}', "at $.port: 0 is less than the minimum"),
    "no JSON in a text": (PORT, "port 80", "is not of type 'object'"),
    "no number of JSON in a text": ({"type": "number"}, "NaN", "is not of type 'number'"),
    "a format": ({"type": "string", "format": "date"}, "2020-13-01", "is not a 'date'"),
    "one of several": (
        {"anyOf": [{"type": "string"}, {"type": "integer", "maximum": 3}]}, 5, "greater than"),
    "a text that is short": ({"minLength": 3}, "12", "too short"),
    "another draft": (
        {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3,
         "exclusiveMaximum": True}, 3, "3"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(schema, value, why):
    assert why in violations(checked_schema(schema), value)[0]


RIGHT = {
    "an object": (PORT, {"port": 80}),
    "JSON in a text": (PORT, ' {"port": 80} '),
    "a text that is meant as a text": ({"type": "string", "pattern": "^[0-9]+$"}, "12"),
    "a record": ({"properties": {"x": {"const": 1}, "hue": {"const": "r"}}}, Point()),
    "an array": ({"type": "array", "maxItems": 2}, np.zeros(2)),
    "a tuple": ({"type": "array"}, (1, 2)),
    "a member": ({"enum": ["r"]}, Hue.RED),
    "a list that holds lists": (
        {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}},
        [[], [[]]],
    ),
}


@pytest.mark.parametrize(("schema", "value"), RIGHT.values(), ids=RIGHT)
def test_what_is_right_has_nothing_said_about_it(schema, value):
    assert violations(checked_schema(schema), value) == []


def test_three_reasons_are_told_and_the_rest_counted():
    told = violations({"items": {"type": "string"}}, [1, 2, 3, 4, 5])
    assert len(told) == 4
    assert told[-1] == "and 2 more"


def test_a_reason_is_short_however_large_the_value():
    (why,) = violations({"maxItems": 3}, list(range(10_000)))
    assert len(why) < 220
    assert why.endswith("is too long")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "whole"}, r"no JSON schema: \$.type"),
        ("integer", "a dictionary such as"),
        (int, "a dictionary such as"),
        ({"items": {"$ref": "#/$defs/gone"}}, "refers to '#/\\$defs/gone'"),
    ],
)
def test_what_is_no_schema_is_refused(schema, why):
    with pytest.raises(NodeError, match=why):
        checked_schema(schema)


def test_nothing_is_fetched(monkeypatch):
    def connect(*_):
        raise AssertionError("a schema was fetched")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(NodeError, match="nothing is fetched"):
        checked_schema({"$ref": "https://example.com/schema.json"})


def test_a_class_of_pydantic_is_a_schema():
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Port", port=(int, pydantic.Field(le=65535)))
    schema = checked_schema(model)
    assert violations(schema, {"port": 80}) == []
    assert "maximum" in violations(schema, {"port": 70000})[0]
    assert violations(schema, model(port=5)) == []


def test_values_as_json_has_them():
    value = {1: (Hue.RED, {2}), "p": Point(x=np.int8(3)), "k": Kind.ONE, "o": 1j}
    expected = {"1": ["r", [2]], "p": {"x": 3, "hue": "r"}, "k": "one", "o": "1j"}
    assert as_json(value) == expected
    assert type(as_json(Kind.ONE)) is str


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ModelMissing, match=r"trace-opt\[schema\]"):
        checked_schema({"type": "integer"})
