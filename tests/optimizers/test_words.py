from dataclasses import replace

import pytest

from opto.formats import Field, JSONFormat
from opto.optimizers.dialect import DIALECTS, Dialect
from opto.optimizers.memory import Episode
from opto.optimizers.opro import OPRO
from opto.optimizers.problem import TITLES
from opto.optimizers.words import objective_words, repair_words, system_words, user_words
from tests.optimizers.reader import outside

JSON, TAGGED = Dialect(), DIALECTS["tagged"]()
FIELDS = [Field.of("x0", 3), Field.code("__code0", "f")]


def test_the_system_part_explains_every_section_and_the_answer():
    words = system_words(JSON)
    for title in TITLES.values():
        assert f"- {title}: " in words
    assert '{"reasoning": "<text>", "suggestion": {' in words
    assert "{{" not in words  # SPEC 11.C14
    assert "JSON" in words  # providers' JSON mode asks for the word


def test_the_system_part_is_the_same_for_all_problems():
    """It comes first, so that prompt caches hit."""
    assert system_words(JSON) == system_words(Dialect())


def test_titles_and_keys_can_be_others():
    form = JSONFormat(reasoning="why", suggestion="new", answer="solution")
    words = system_words(Dialect(form, {**TITLES, "code": "## Steps"}), example=True)
    assert "## Steps" in words
    assert "#Code" not in words
    assert '"why"' in words
    assert '"new": {"count0": 5}' in words
    assert '"solution"' in words
    assert '"suggestion"' not in words
    assert "## Goal" in objective_words(Dialect(titles={**TITLES, "variables": "## Goal"}))


def test_the_example_is_shown_on_request():
    assert "An example" in system_words(JSON, example=True)
    assert "An example" not in system_words(JSON)


def test_the_question_ends_with_the_form_of_the_answer():
    words = user_words("THE PROBLEM", JSON, FIELDS)
    assert words.startswith("THE PROBLEM\n\n")
    assert words.endswith(
        '{"reasoning": "<text>", "suggestion": {"x0": <int>, "__code0": "<code>"}}'
    )


def test_memory_and_names_are_shown_on_request():
    plain = user_words("P", JSON, FIELDS)
    assert "before" not in plain
    memory = [Episode.of({"x0": 1}, "larger\n#Code"), Episode.of({"x0": 2}, "larger")]
    words = user_words("P", JSON, FIELDS, memory, highlight=True)
    assert words.index('{"x0": 1}') < words.index('{"x0": 2}') < words.index("x0, __code0")
    assert "\n#Code" not in words


SPOKEN = [JSON, TAGGED, *(make() for make in OPRO.dialects.values())]


@pytest.mark.parametrize("dialect", SPOKEN)
def test_each_dialect_explains_its_sections_and_its_answer(dialect):
    words = system_words(dialect)
    for title in dialect.titles.values():
        assert f"- {title}: " in words
    general = dialect.format.shape([Field("<name of a variable>", "its new value")])
    assert general in words or "in the form shown last" in words
    assert user_words("P", dialect, FIELDS).endswith(dialect.format.shape(FIELDS))
    assert objective_words(dialect)


@pytest.mark.parametrize("dialect", SPOKEN)
def test_the_answer_of_the_example_is_one_that_is_read(dialect):
    """SPEC 11.C14: the original's was malformed and contradicted itself."""
    words = system_words(dialect, example=True)
    example = words[words.index("An example") :]
    answer = dialect.format.parse(example, [Field.of("count0", 2)])
    assert int(answer.values["count0"]) == 5


def test_memory_is_shown_in_rounds_where_values_are_elements():
    memory = [Episode.of({"x0": 1}, "larger"), Episode.of({"x0": "</value>"}, "# Feedback")]
    words = user_words("P", TAGGED, FIELDS, memory)
    assert '<round number="1">\n<variable name="x0">\n<value>\n1\n</value>' in words
    assert "<feedback>\nlarger\n</feedback>\n</round>" in words
    lines = outside(words)
    assert lines[lines.index(("</value>",)) + 1] == "</value>"
    assert lines[lines.index(("# Feedback",)) + 1] == "</feedback>"


def test_own_words_for_the_answer_stand_in_place_of_ours():
    own = replace(TAGGED, instruction="Answer in rhyme.")
    assert system_words(own).endswith("\n\nAnswer in rhyme.")
    words = user_words("P", own, FIELDS)
    assert words.endswith("x0, __code0.")


@pytest.mark.parametrize("answer", ["nonsense", "", "```\nx\n```\n#Feedback", "a" * 10_000])
def test_the_second_question_begins_like_the_first_and_says_what_was_wrong(answer):
    words = repair_words("THE QUESTION", answer, "it is no JSON")
    assert words.startswith("THE QUESTION\n\n")
    assert "\nit is no JSON\n" in words
    assert len(words) < 3000


def test_what_was_tried_is_not_to_be_given_again():
    """A small model proposed old values again (docs/optimizing.md); OPRO says so beforehand."""
    memory = [Episode.of({"x0": 1}, "larger")]
    for dialect in SPOKEN:
        said = system_words(dialect) + user_words("P", dialect, FIELDS, memory)
        assert ("repeat no values" in said) != ("do not give again" in said)
