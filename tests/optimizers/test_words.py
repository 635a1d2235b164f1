import pytest

from opto.formats import Field, JSONFormat
from opto.optimizers.memory import Episode
from opto.optimizers.problem import TITLES
from opto.optimizers.words import objective_words, repair_words, system_words, user_words

FORM = JSONFormat()
FIELDS = [Field.of("x0", 3), Field.code("__code0", "f")]


def test_the_system_part_explains_every_section_and_the_answer():
    words = system_words(FORM, TITLES)
    for title in TITLES.values():
        assert f"- {title}: " in words
    assert '{"reasoning": "<text>", "suggestion": {' in words
    assert "{{" not in words  # SPEC 11.C14
    assert "JSON" in words  # providers' JSON mode asks for the word


def test_the_system_part_is_the_same_for_all_problems():
    """It comes first, so that prompt caches hit."""
    assert system_words(FORM, TITLES) == system_words(JSONFormat(), dict(TITLES))


def test_titles_and_keys_can_be_others():
    words = system_words(
        JSONFormat(reasoning="why", suggestion="new", answer="solution"),
        {**TITLES, "code": "## Steps"},
        example=True,
    )
    assert "## Steps" in words
    assert "#Code" not in words
    assert '"why"' in words
    assert '"new": {"count0": 5}' in words
    assert '"solution"' in words
    assert '"suggestion"' not in words
    assert "## Goal" in objective_words({**TITLES, "variables": "## Goal"})


def test_the_example_is_shown_on_request():
    assert "An example" in system_words(FORM, TITLES, example=True)
    assert "An example" not in system_words(FORM, TITLES)


def test_the_question_ends_with_the_form_of_the_answer():
    words = user_words("THE PROBLEM", FORM, FIELDS)
    assert words.startswith("THE PROBLEM\n\n")
    assert words.endswith(
        '{"reasoning": "<text>", "suggestion": {"x0": <int>, "__code0": "<code>"}}'
    )


def test_memory_and_names_are_shown_on_request():
    plain = user_words("P", FORM, FIELDS)
    assert "before" not in plain
    memory = [Episode.of({"x0": 1}, "larger\n#Code"), Episode.of({"x0": 2}, "larger")]
    words = user_words("P", FORM, FIELDS, memory, highlight=True)
    assert words.index('{"x0": "1"}') < words.index('{"x0": "2"}') < words.index("x0, __code0")
    assert "\n#Code" not in words


@pytest.mark.parametrize("answer", ["nonsense", "", "```\nx\n```\n#Feedback", "a" * 10_000])
def test_the_second_question_begins_like_the_first_and_says_what_was_wrong(answer):
    words = repair_words("THE QUESTION", answer, "it is no JSON")
    assert words.startswith("THE QUESTION\n\n")
    assert "\nit is no JSON\n" in words
    assert len(words) < 3000
