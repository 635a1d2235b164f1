import pytest

from opto.formats.lexer import normal_object
from opto.formats.mend import LONGEST, mended


def mend(text):
    return mended(normal_object(text, 0))


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ('{"a": [1 2]}', {"a": [1, 2]}),
        ('{"a": 1,, "b": 2}', {"a": 1, "b": 2}),
    ],
)
def test_broken_structure_is_put_right_and_named(text, content):
    assert mend(text) == (content, ("commas and brackets out of place",))


def test_texts_pass_through_the_repair_untouched():
    content, mends = mend('{"a": [1 2], "b": "say \\"hi\\", don\'t {x} \\\\d \\u00e9\\n", "c": ""}')
    assert content == {"a": [1, 2], "b": 'say "hi", don\'t {x} \\d é\n', "c": ""}
    assert mends == ("commas and brackets out of place",)


def test_very_long_broken_structure_is_not_guessed_at():
    assert mend('{"a": [' + "1 2," * (LONGEST // 3) + "]}") is None
    assert mend('{"a": [' + "1 2," * 100 + "]}") is not None


def test_a_number_of_too_many_digits_is_no_crash():
    read = mend('{"a": ' + "9" * 5000 + "}")
    assert read is None or read[0].keys() == {"a"}
