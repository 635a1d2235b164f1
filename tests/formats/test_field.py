from dataclasses import dataclass, make_dataclass
from enum import Enum

import numpy as np
import pytest

from opto.formats import Field, schema_of


class Hue(Enum):
    RED = 1
    GREEN = 2


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (True, {"type": "boolean"}),
        (3, {"type": "integer"}),
        (3.5, {"type": "number"}),
        ("x", {"type": "string"}),
        (b"x", {"type": "string"}),
        ([1, 2], {"type": "array", "items": {"type": "integer"}}),
        ([1, True], {"type": "array"}),
        ([[1], [2]], {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ([], {"type": "array"}),
        ((1.0,), {"type": "array", "items": {"type": "number"}}),
        ({"a"}, {"type": "array", "items": {"type": "string"}}),
        ({"a": 1}, {"type": "object"}),
        (None, {}),
        (object(), {}),
        (Hue.RED, {"enum": ["RED", "GREEN"]}),
        (np.array([1.0]), {"type": "array", "items": {"type": "number"}}),
        (np.int8(3), {"type": "integer"}),
    ],
)
def test_schema_says_what_is_true_of_the_value(value, schema):
    assert schema_of(value) == schema


def test_choices_and_bounds_narrow_the_schema():
    assert Field.of("x0", 3, minimum=0).schema == {"type": "integer", "minimum": 0}
    assert Field.of("x0", "a", ["a", "b"]).schema == {"enum": ["a", "b"]}


def test_a_field_for_code_knows_the_function():
    field = Field.code("__code0", "run")
    assert (field.is_code, field.function, field.schema) == (True, "run", {"type": "string"})
    assert not Field.of("x0", "def f(): ...").is_code


@dataclass
class Point:
    x: int = 1
    hue: Hue = Hue.RED
    inside: object = None


def test_a_record_is_an_object_of_its_fields():
    schema = schema_of(Point(inside=Point()))
    assert schema["properties"]["x"] == {"type": "integer"}
    assert schema["properties"]["inside"]["properties"]["hue"] == {"enum": ["RED", "GREEN"]}
    assert schema["additionalProperties"] is False


@dataclass
class Maybe:
    n: int | None = 3
    hue: Hue | None = Hue.RED
    inside: Point | None = None
    x: int = 1


def test_what_may_be_null_by_its_annotation_may_be_null_by_its_schema():
    """The present value, from which the rest is known, does not show it."""
    parts = schema_of(Maybe())["properties"]
    assert parts["n"] == {"type": ["integer", "null"]}
    assert parts["hue"] == {"enum": ["RED", "GREEN", None]}
    assert (parts["inside"], parts["x"]) == ({}, {"type": "integer"})
    assert schema_of(Maybe(inside=Point()))["properties"]["inside"]["type"] == ["object", "null"]


def test_what_a_model_of_pydantic_refers_to_is_found_wherever_it_stands():
    pydantic = pytest.importorskip("pydantic")
    inner = pydantic.create_model("Inner", a=(int, 1))
    outer = pydantic.create_model("Outer", inner=(inner, inner()))
    record = make_dataclass("Record", [("one", outer), ("other", outer | None)])
    schema = schema_of([record(outer(), outer())])
    parts = schema["items"]["properties"]
    assert parts["one"]["properties"]["inner"]["$ref"] == "#/items/properties/one/$defs/Inner"
    assert parts["other"]["type"] == ["object", "null"]
    assert parts["other"]["properties"]["inner"]["$ref"] == "#/items/properties/other/$defs/Inner"


def test_a_model_that_is_known_by_a_reference_alone_may_be_null():
    pydantic = pytest.importorskip("pydantic")

    class Link(pydantic.BaseModel):
        next: "Link | None" = None

    Link.model_rebuild(_types_namespace={"Link": Link})
    record = make_dataclass("Record", [("link", Link | None)])
    either = schema_of(record(Link()))["properties"]["link"]["anyOf"]
    assert either[0]["$ref"] == "#/properties/link/anyOf/0/$defs/Link"
    assert either[1] == {"type": "null"}


def test_a_value_that_holds_itself_is_described_to_some_depth():
    point = Point()
    point.inside = point
    assert "x" in schema_of(point)["properties"]
    items = []
    items.append(items)
    assert schema_of(items)["type"] == "array"


def test_a_model_of_pydantic_says_itself_what_it_takes():
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Port", port=(int, pydantic.Field(le=65535)))
    assert schema_of(model(port=3))["properties"]["port"]["maximum"] == 65535
    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    odd = pydantic.create_model("Odd", __config__=config, part=(object.__class__, int))
    assert schema_of(odd())["type"] == "object"


def test_a_schema_of_the_users_counts_and_gets_the_type_where_it_names_none():
    assert Field.of("x0", 3, schema={"minimum": 1}).schema == {"type": "integer", "minimum": 1}
    assert Field.of("x0", 3, schema={"enum": [1, 2]}).schema == {"enum": [1, 2]}
    assert Field.of("x0", 3, [4], schema={"minimum": 1}).schema == {"enum": [4]}
    assert Field.of("x0", None, schema={"minimum": 1}).schema == {"minimum": 1}


class Broken:
    def __getattr__(self, name):
        raise RuntimeError(name)


def test_of_a_value_that_cannot_be_looked_into_nothing_is_said():
    assert schema_of(Broken()) == {}
    assert schema_of([Broken()]) == {}
    assert schema_of({1: Broken()}) == {"type": "object"}
