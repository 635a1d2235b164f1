"""What a text shows, plainly or in the marks that models put round it."""

from time import process_time

import pytest

from opto.optimizers.literals import LONGEST, literal, meant, numbers_in, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        (" 5.5\n", 5.5),
        ("null", None),
        ("None", None),
        ('{"a": [true]}', {"a": [True]}),
        ("{'a': (1,)}", {"a": (1,)}),
        ("5 # five", 5),
        ("[" * 100_000, "[" * 100_000),
        ("1" * (LONGEST + 1), "1" * (LONGEST + 1)),
        ("'", "'"),
        (5, 5),
    ],
)
def test_a_literal_is_json_or_python_or_the_text_itself(text, value):
    assert literal(text) == value
    assert type(literal(text)) is type(value)


def test_a_text_that_would_hold_up_the_parser_is_not_given_to_it():
    """Python puts the marks on a letter of a name in order, in quadratic time."""
    text = "e" + "\u0301\u0327" * 20_000
    begin = process_time()
    assert meant(text) == text
    assert process_time() - begin < 1


@pytest.mark.parametrize("text", ["`5`", "**5**", "*5*", "'5'", '"5"', '"`5`"', "``` 5 ```"])
def test_a_value_in_marks_is_meant(text):
    assert meant(text) == 5


@pytest.mark.parametrize("text", ["`5", "5*", "`5*", "``", "'", "`five`", "(5", "5 `6`"])
def test_other_texts_are_themselves(text):
    assert meant(text) == text


def test_a_minus_as_it_is_printed_is_one():
    assert meant("\N{MINUS SIGN}5") == -5
    assert meant("[1, 2]") == [1, 2]
    assert meant("3\N{MINUS SIGN}2") == "3\N{MINUS SIGN}2"


def test_words_without_quotes_and_numbers_as_numpy_prints_them():
    assert plain(" `Red`. ") == "red"
    assert numbers_in("[[1 2]\n [3 4]]") == [[1, 2], [3, 4]]
    assert numbers_in("`[1. 2.]`") == [1.0, 2.0]
    assert numbers_in("no numbers") == "no numbers"
