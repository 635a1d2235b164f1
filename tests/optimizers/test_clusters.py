import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.optimizers.clusters import apart, majority
from opto.optimizers.proposal import Proposal

TEXT = "Answer each question in one short sentence."
ITEMS = st.integers() | st.floats() | st.text(max_size=20) | st.booleans() | st.none()
VALUES = st.dictionaries(st.sampled_from("abc"), ITEMS | st.lists(ITEMS, max_size=3), max_size=3)


def of(**values):
    return Proposal(values)


def chosen(*values, current=0):
    proposals = [of(x=value) for value in values]
    return majority(proposals, {"x": current}).values["x"]


@pytest.mark.parametrize(
    ("values", "result"),
    [
        ((5,), 5),
        ((5, 9, 9), 9),
        ((5, 9), 5),
        ((100, 104, 7), 100),
        ((100, 110, 105, 7, 8), 105),
        (("yes", "no", "yes"), "yes"),
        ((True, False, False), False),
        ((1, True, True), True),
        (([1, 2], [1, 2], [9]), [1, 2]),
        ((float("nan"), 5.0, 5.0), 5.0),
        ((float("inf"), 5.0, 5.0), 5.0),
        ((10**400, 5, 5), 5),
        ((0, -0.0, 3), 0),
    ],
)
def test_what_most_agree_with_is_taken(values, result):
    assert chosen(*values) == result


def test_texts_that_differ_in_a_word_agree():
    near = TEXT.replace("short", "brief")
    assert chosen("Think step by step, then write a long essay.", TEXT, near) == TEXT


def test_long_texts_are_compared_by_their_words():
    long = " ".join(f"word{number}" for number in range(2000))
    assert apart(of(x=long), of(x=f"{long} end"), {}) < 0.01
    assert apart(of(x=long), of(x=long[::-1]), {}) == 1.0


def test_what_is_left_out_keeps_its_present_value():
    present = {"x": 1, "y": 2}
    assert apart(of(x=5), of(x=5, y=2), present) == 0.0
    assert apart(of(x=5), of(x=5, y=20), present) == pytest.approx(0.45)
    assert apart(Proposal(), Proposal(), present) == 0.0


def test_members_of_a_cluster_are_all_near_to_each_other():
    """Complete linkage: a chain of small steps is no agreement."""
    assert chosen(100, 115, 130, 150, 7.0, 7.1, 7.2) == 7.1


@given(VALUES, VALUES, VALUES)
def test_distances_are_symmetric_and_between_0_and_1(one, other, current):
    there, back = (
        apart(Proposal(a), Proposal(b), current) for a, b in [(one, other), (other, one)]
    )
    assert 0.0 <= there <= 1.0
    assert there == back
    assert apart(Proposal(one), Proposal(one), current) == 0.0


@given(st.lists(VALUES, min_size=1, max_size=6), VALUES)
def test_one_of_them_is_taken_whatever_they_are(all_values, current):
    proposals = [Proposal(values) for values in all_values]
    assert any(majority(proposals, current) is proposal for proposal in proposals)
