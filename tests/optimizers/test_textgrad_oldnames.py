"""Names that programs for the original import from its module."""

import pytest

from opto.errors import ArgumentError
from opto.optimizers import textgrad
from opto.optimizers.textgrad import (
    GradientInfo,
    construct_reduce_prompt,
    construct_tgd_prompt,
    get_short_value,
)
from tests.optimizers.reader import outside


def test_all_names_are_where_they_were():
    names = (
        "GradientInfo construct_reduce_prompt construct_tgd_prompt get_short_value rm_node_attrs"
    )
    assert set(names.split()) <= set(textgrad.__all__)


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


def test_the_question_for_a_new_value_shows_what_it_is_told_to():
    told = {
        "variable_desc": "a greeting",
        "variable_value": "# Hi!\n```",
        "variable_short": "short",
        "variable_grad": "Be kinder.",
        "constraint_text": "one line",
        "past_values": "Ho!",
        "in_context_examples": "Dear ...",
        "new_variable_start_tag": "<NEW>",
        "new_variable_end_tag": "</NEW>",
        "do_gradient_memory": False,
    }
    shown = construct_tgd_prompt(True, True, True, **told)
    for text in (
        "Be kinder.",
        "one line",
        "Ho!",
        "Dear ...",
    ):
        assert text in shown
    bar = shown.partition("a greeting:\n")[2].partition("\n")[0]
    assert f"a greeting:\n{bar}\n# Hi!\n```\n{bar}\n" in shown
    assert bar in shown.splitlines()[0]
    assert shown.endswith("<NEW>\n...\n</NEW>")
    hidden = construct_tgd_prompt(**told)
    for text in ("one line", "Ho!", "Dear ..."):
        assert text not in hidden


def test_a_value_cannot_begin_a_section():
    shown = construct_tgd_prompt(variable_value="# Wanted of it", variable_grad="<NEW>")
    plain = construct_tgd_prompt(variable_value="v", variable_grad="w")
    titles = [line for line in outside(plain) if line[:1] == "#"]
    assert [line for line in outside(shown) if line[:1] == "#"] == titles
    assert ("# Wanted of it",) in outside(shown)
    own = construct_tgd_prompt(
        variable_value="v", variable_grad="<NEW>", new_variable_start_tag="<NEW>"
    )
    assert ("<NEW>",) in outside(own)


def test_what_is_wanted_may_come_in_parts():
    parts = [{"type": "image"}, "Be kinder."]
    *first, words = construct_tgd_prompt(variable_short="Hi!", variable_grad=parts)
    assert first == parts
    assert "Hi!" in words
    assert "messages before this one" in words


@pytest.mark.parametrize("given", [{"variable_grad": "kinder"}, {"variable_value": "Hi!"}])
def test_a_question_needs_a_value_and_a_wish(given):
    with pytest.raises(ArgumentError, match="needs variable_grad"):
        construct_tgd_prompt(**given)
