"""Values of the types that annotations name, and what errors of pydantic say."""

from enum import Enum

import pytest

from opto.optimizers.records import example, reasons_in


class Hue(Enum):
    RED = "r"


class Empty(Enum):
    pass


@pytest.mark.parametrize(
    ("present", "kinds", "expected"),
    [
        (None, (Hue, type(None)), Hue.RED),
        (None, (Empty, type(None)), None),
        (None, (bool,), False),
        (None, (list,), None),
        (None, (), None),
        (Hue.RED, (int,), Hue.RED),
    ],
)
def test_a_value_like_which_new_ones_are_made(present, kinds, expected):
    assert example(present, kinds) is expected


def test_errors_of_pydantic_say_where_and_what_and_no_address():
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", a=(int, 1), b=(list[int], ()))
    with pytest.raises(pydantic.ValidationError) as caught:
        model(a="x", b=[1, "y"])
    said = reasons_in(caught.value)
    assert said.startswith("a: Input should be a valid integer")
    assert "b.1: Input should be" in said
    assert "http" not in said


def test_an_error_that_only_looks_like_one_of_pydantic_says_its_own_words():
    class Odd(ValueError):
        errors = ("a", "b")

    assert reasons_in(Odd("odd")) == "odd"
