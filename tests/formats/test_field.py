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
