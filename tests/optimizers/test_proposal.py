import numpy as np
import pytest

from opto.llm import Reply, Usage
from opto.optimizers.proposal import Change, Proposal, Refusal, Update, projected
from opto.trace import node
from opto.trace.projections import Projection, Range


def parameter(value, **more):
    return node(value, name="p", trainable=True, **more)


class Broken(Projection):
    def project(self, x):
        raise ZeroDivisionError("by accident")


def test_an_update_changes_nothing_before_it_is_applied_and_can_be_taken_back():
    p, q = parameter(1), parameter("a")
    update = Update.of({p: 2, q: "b"})
    assert (p.data, q.data) == (1, "a")
    update.apply()
    assert (p.data, q.data) == (2, "b")
    update.undo()
    assert (p.data, q.data) == (1, "a")


def test_an_update_reads_like_a_dictionary():
    p, q, other = parameter(1), parameter(1), parameter(1)
    update = Update.of({p: 2, q: 3})
    assert (update[p], update[q], len(update), list(update)) == (2, 3, 2, [p, q])
    assert dict(update) == {p: 2, q: 3}
    assert p in update
    assert other not in update  # though its value is equal
    assert update.get(other, "none") == "none"


def test_an_update_is_true_when_something_changes():
    p = parameter(1)
    assert Update.of({p: 2})
    assert not Update.of({p: 1})
    assert Update.of({p: 1}).proposal.unchanged == ("p0",)


def test_values_are_projected_and_what_does_not_fit_is_refused():
    p, q = (
        parameter(1, projections=[Range(0, 5)]),
        parameter(1, projections=[Range(0, 5, clip=True)]),
    )
    update = Update.of({p: 9, q: 9})
    assert dict(update) == {q: 5}
    [refusal] = update.refused
    assert (refusal.name, refusal.text) == ("p0", "9")
    assert "not between 0 and 5" in refusal.why


def test_a_projection_that_fails_refuses():
    """SPEC 7.1: in the original an exception there aborted the step."""
    assert projected(parameter(1, projections=[Broken()]), 2) == (2, "by accident")


def test_what_is_not_trainable_is_refused():
    p = parameter(1)
    p.trainable = False
    assert Update.of({p: 2}).refused == (Refusal("p0", "2", "it is not trainable"),)


def test_all_changes_are_made_or_none():
    """SPEC 11.C19."""

    class Stubborn:
        py_name, trainable, _data = "s0", True, 1

        def _set(self, value):
            if value == 2:
                raise OSError("no")
            self._data = value

    p, stubborn = parameter(1), Stubborn()
    update = Update((Change(p, "p0", 1, 2), Change(stubborn, "s0", 1, 2)))
    with pytest.raises(OSError, match="no"):
        update.apply()
    assert (p.data, stubborn._data) == (1, 1)


def test_names_are_those_of_the_problem():
    p = parameter(1)
    assert Update.of({p: 2}, parameters={"p0_2": p}).changes[0].name == "p0_2"


def test_arrays_are_compared_as_wholes():
    p = parameter(np.array([1, 2]))
    assert not Update.of({p: np.array([1, 2])})
    assert Update.of({p: np.array([1, 3])})


def test_usage_is_that_of_all_answers():
    replies = (Reply("a", usage=Usage(1, 2, 0.5)), Reply("b", usage=Usage(3, 4, 0.25)))
    update = Update.of({}, Proposal(replies=replies))
    assert update.usage == Usage(4, 6, 0.75)
    assert update.reply.text == "b"
    assert Update.of({}).reply is None


def test_an_update_tells_what_it_is():
    p = parameter(1)
    refused = (Refusal("q0", "'two'", "it must be a whole number"),)
    update = Update.of({p: 2}, Proposal(refused=refused))
    assert repr(update) == "Update(p0: 1 -> 2; refused q0: it must be a whole number)"
    assert repr(Update()) == "Update(no change)"


@pytest.mark.parametrize(
    ("proposal", "complaint"),
    [
        (Proposal({"a": 1}), None),
        (Proposal({"a": 1}, (Refusal("b", "", "no"),)), None),
        (Proposal(), None),
        (Proposal(unchanged=("a",), refused=(Refusal("b", "", "no"),)), None),
        (Proposal(stop=True), None),
        (Proposal(failure="unreadable"), "unreadable"),
        (Proposal(refused=(Refusal("a", "", "no"), Refusal("b", "", "nor"))), "a: no\nb: nor"),
    ],
)
def test_only_an_answer_of_no_use_is_complained_about(proposal, complaint):
    assert proposal.complaint == complaint
