"""Names that programs for the original import from its module."""

import pytest

from opto.optimizers import textgrad
from opto.optimizers.textgrad import GradientInfo, construct_reduce_prompt, get_short_value


def test_all_names_are_where_they_were():
    for name in ("GradientInfo", "construct_reduce_prompt", "get_short_value", "rm_node_attrs"):
        assert name in textgrad.__all__


@pytest.mark.parametrize(
    ("value", "count", "short"),
    [
        ("a b", 1, "a b"),
        ("a b c", 1, "a (...) c"),
        (12, 3, "12"),
        ("", 2, ""),
        ("a b c", 2, "a b c"),
    ],
)
def test_a_short_value_is_its_ends(value, count, short):
    assert get_short_value(value, count) == short


def test_a_wish_of_several_lines_stands_in_a_fence():
    text = construct_reduce_prompt([GradientInfo("one\n- two"), "three"])
    assert text == "- \n```\none\n- two\n```\n- three"


def test_tags_of_operations_are_left_out():
    assert textgrad.rm_node_attrs("[say] Greet [at once] him.") == "Greet  him."
