"""How what was said adds up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opto.trace.feedback import Feedback, Remark

remarks = st.builds(
    Remark,
    st.sampled_from(["add0", "add1", "mul0"]),
    st.sampled_from(["more", "less", ""]) | st.integers(0, 2),
    st.none() | st.floats(0, 1),
)
feedbacks = st.builds(Feedback, st.lists(remarks, max_size=5).map(tuple))


def keys(feedback):
    return [r.key for r in feedback.remarks]


@given(feedbacks, feedbacks, feedbacks)
def test_adding_is_associative_and_keeps_the_order(a, b, c):
    assert list(dict.fromkeys(keys((a + b) + c))) == list(dict.fromkeys(keys(a + (b + c))))


@given(feedbacks)
def test_nothing_and_itself_add_nothing(a):
    assert set(keys(a + Feedback())) == set(keys(a))
    assert set(keys(a + a)) == set(keys(a))


def test_one_thing_said_is_the_object_itself():
    said = object()
    assert Feedback((Remark("a0", said),)).content is said
    both = Feedback((Remark("a0", said), Remark("b0", said)))
    assert both.content is said


def test_different_words_name_their_outputs():
    both = Feedback((Remark("a0", "more"),)) + Feedback((Remark("b0", "less"),))
    assert both.content == "About a0: more\nAbout b0: less"


def test_different_words_about_one_output_stand_alone():
    both = Feedback((Remark("a0", "more"),)) + Feedback((Remark("a0", "blue"),))
    assert str(both) == "more\nblue"


def test_objects_without_a_truth_value_of_equality_add_up():
    class Odd:
        def __eq__(self, other):
            raise ValueError("no truth here")

        __hash__ = None

    both = Feedback((Remark("a0", Odd()),)) + Feedback((Remark("a0", Odd()),))
    assert len(both.remarks) == 2


def test_nothing_said_is_false():
    assert not Feedback()
    assert Feedback().content is None


class Mute:
    def __repr__(self):
        raise ValueError("no text")


def test_what_has_no_text_is_feedback_all_the_same():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    for said in (Mute(), [Mute()], deep, 10**5000):
        one, other = (Feedback((Remark(name, said),)) for name in ("a0", "b0"))
        assert (one + one).content is said
        assert "that has no text" in str(one + other)


def test_a_number_beyond_all_floats_is_no_score():
    assert Feedback.about(None, 10**400).remarks[0].score is None
    assert Feedback.about(None, 10**15).remarks[0].score == 1e15
