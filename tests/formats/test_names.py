import pytest

from opto.formats import Field
from opto.formats.lexer import CUT
from opto.formats.names import Names

NAMES = Names([Field.of("x0", 1), Field.of("y0", 1), Field.of("y1", 1)])


@pytest.mark.parametrize(
    ("written", "name"),
    [("x0", "x0"), (" `x0` ", "x0"), ("x:0", "x0"), ("x", "x0"), ("y", None), ("X0", None)],
)
def test_a_name_is_found_where_it_can_mean_one_field_only(written, name):
    assert NAMES.find(written) == name


def test_what_was_given_is_taken_refused_or_unknown():
    mends = []
    sorted_ = NAMES.sort({"x": 1, "y0": CUT, "z": 3}, mends)
    assert sorted_["values"] == {"x0": 1}
    assert list(sorted_["refused"]) == ["y0"]
    assert sorted_["unknown"] == {"z": 3}
    assert mends == ["'x' read as 'x0'"]


def test_an_exact_name_wins_over_one_that_means_the_same():
    assert NAMES.sort({"x0": 1, "x": 2}, [])["values"] == {"x0": 1}
