from enum import Enum

import numpy as np
import pytest

from opto.formats import Field
from opto.optimizers.code import Head
from opto.optimizers.fields import constraint_of, field_of, head_of, is_code, wanted
from opto.trace import bundle, node
from opto.trace.projections import Choices, Pattern, Range


class Hue(Enum):
    RED = 1
    GREEN = 2


def parameter(value, **more):
    return node(value, trainable=True, **more)


@bundle(trainable=True)
def double(x, k=2):
    """Say it twice."""
    return x * k


def test_a_field_has_the_type_of_the_value():
    assert field_of(parameter(3), "x0") == Field("x0", "int", {"type": "integer"})


def test_a_code_parameter_is_code_with_the_functions_name():
    assert is_code(double.parameter)
    assert field_of(double.parameter, "__code0") == Field.code("__code0", "double")
    assert head_of(double.parameter) == Head("double", "x, k=2")
    assert head_of(parameter("def f(): ...")) is None


@pytest.mark.parametrize(
    ("value", "constraint", "options"),
    [
        ("red", "one of: red, green, blue", ["red", "green", "blue"]),
        ("red", "Must be one of: red, green or blue.", ["red", "green", "blue"]),
        ("red", "one of ['red', 'green']", ["red", "green"]),
        ("red", 'One of "red", "green", or "dark blue".', ["red", "green", "dark blue"]),
        ("red", "(one of: red | green)", ["red", "green"]),
        ("red", "one of: red, or green", ["red", "green"]),
        ("red", "one of: orange, ordinary", ["orange", "ordinary"]),
        (3, "one of: 1, 2, 3", [1, 2, 3]),
        (0.5, "choose one of [0.5, 1]", [0.5, 1.0]),
        ("red", "one of the colours of the rainbow", None),
        ("red", "one of: red", None),
        (3, "one of: few, many", None),
        ("red", "red is one of: red, green", None),
        ("red", None, None),
    ],
)
def test_options_are_read_from_a_constraint_in_words(value, constraint, options):
    schema = field_of(parameter(value, constraint=constraint), "x0").schema
    assert schema.get("enum") == options


def test_projections_narrow_the_schema():
    assert field_of(parameter(3, projections=[Range(0, 10)]), "x").schema == {
        "type": "integer",
        "minimum": 0,
        "maximum": 10,
    }
    assert field_of(parameter(3, projections=[Range(low=0)]), "x").schema == {
        "type": "integer",
        "minimum": 0,
    }
    clipped = parameter(3, projections=[Range(0, 10, clip=True)])
    assert field_of(clipped, "x").schema == {"type": "integer"}
    assert field_of(parameter("a", projections=[Choices("a", "b")]), "x").schema["enum"] == [
        "a",
        "b",
    ]
    odd = parameter(3, projections=[Choices(object(), 3), Range(np.int64(1), np.int64(4))])
    assert field_of(odd, "x").schema == {"type": "integer", "minimum": 1.0, "maximum": 4.0}
    hue = parameter(Hue.RED, projections=[Choices(*Hue)])
    assert field_of(hue, "x").schema["enum"] == ["RED", "GREEN"]


def test_what_is_asked_of_a_value_is_said_in_words():
    assert constraint_of(parameter(3)) is None
    assert constraint_of(parameter(3, description="how many")) == "how many"
    asked = parameter("a", constraint="short", projections=[Choices("a", "b"), Pattern("[ab]")])
    assert constraint_of(asked) == (
        "short; one of 'a', 'b'; text that the regular expression [ab] matches"
    )
    assert constraint_of(parameter(3, projections=[Range(high=4)])) == "at most 4"
    said = parameter("a", constraint="one of: a, b", projections=[Choices("a", "b")])
    assert constraint_of(said) == "one of: a, b"
    assert constraint_of(double.parameter).startswith("The code must begin with:\ndef double")


def test_what_is_wanted_of_several_parameters():
    x = parameter(3)
    found = wanted({"x0": x, "__code0": double.parameter})
    assert [field.name for field in found["fields"]] == ["x0", "__code0"]
    assert found["current"] == {"x0": 3, "__code0": double.parameter.data}
    assert found["heads"] == {"__code0": Head("double", "x, k=2")}
