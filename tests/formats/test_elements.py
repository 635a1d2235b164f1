import pytest

from opto.formats.elements import CUT_OFF, Elements

ELEMENTS = Elements("variable", "name", "value")


def at(text, start=0):
    return ELEMENTS.at(text, start)


def test_an_element_knows_where_it_ends():
    text = "so: <variable><name>a</name><value>1</value></variable> ok"
    element = at(text, 4)
    assert (element.name, element.value, text[element.end :]) == ("a", "1", " ok")
    assert element.mends == ()


@pytest.mark.parametrize("text", ["<variable> is a tag", "<variables>", "<variable></variable>"])
def test_a_tag_that_is_only_spoken_of_is_no_element(text):
    assert at(text) is None


def test_a_fence_says_exactly_what_the_value_is():
    text = "<variable><name>a</name><value>\n````\n </value></variable>\n````\n</value></variable>"
    element = at(text)
    assert (element.value, element.exact, element.end) == (
        " </value></variable>",
        True,
        len(text),
    )


def test_a_fence_with_nothing_in_it():
    assert at("<variable><name>a</name><value>\n```\n```\n</value></variable>").value == ""


def test_a_value_without_an_end_is_not_to_be_used():
    assert at("<variable><name>a</name><value>1").why == CUT_OFF


def test_a_value_may_hold_what_is_no_element_of_ours():
    value = "<b>1</b><names>2</names>"
    assert at(f"<variable><name>a</name><value>{value}</value></variable>").value == value


def test_a_fence_that_does_not_end_refuses_whatever_seems_to_end_the_value():
    text = "<variable><name>a</name><value>\n```\n</value></variable>\n"
    assert at(text).why == CUT_OFF


def test_a_value_may_begin_with_a_fence_and_go_on():
    value = "\n```\n</value></variable>\n```\nand so on"
    text = f"<variable><name>a</name><value>{value}</value></variable>"
    assert (at(text).value, at(text).end) == (value, len(text))
