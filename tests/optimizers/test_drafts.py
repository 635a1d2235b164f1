import pytest

from opto.errors import OptimizerError
from opto.optimizers.drafts import best_of
from opto.optimizers.proposal import Update
from opto.trace import bundle, node


@pytest.fixture
def p():
    return node(3, name="p", trainable=True)


def drafts(p, *values):
    return [Update.of({p: value}) for value in values]


def test_the_best_draft_is_chosen_and_nothing_is_changed_yet(p):
    update = best_of(drafts(p, 5, 9, 7), lambda: -abs(p.data - 8))
    assert update[p] == 9
    assert p.data == 3
    assert [trial.score for trial in update.trials] == [-5.0, -3.0, -1.0, -1.0]
    assert [len(trial.changes) for trial in update.trials] == [0, 1, 1, 1]


def test_the_present_values_stay_if_they_are_better(p):
    update = best_of(drafts(p, 5, 9), lambda: -p.data)
    assert not update
    assert len(update.trials) == 3


def test_an_equally_good_draft_is_taken(p):
    assert best_of(drafts(p, 5), lambda: 1)[p] == 5


def test_repeated_and_empty_drafts_are_not_tried(p):
    calls = []

    def score():
        calls.append(p.data)
        return p.data

    update = best_of(drafts(p, 5, 3, 5, 4), score)
    assert calls == [3, 5, 4]
    assert update[p] == 5


def test_a_draft_with_which_the_program_fails_is_out(p):
    @bundle()
    def run(value):
        if value == 9:
            raise ValueError("nine")
        return value

    update = best_of(drafts(p, 9, 5), lambda: run(p).data)
    assert update[p] == 5
    assert "nine" in update.trials[1].failure
    assert update.trials[1].score is None


def test_any_draft_that_works_is_better_than_a_program_that_fails(p):
    def score():
        if p.data == 3:
            raise ZeroDivisionError
        return -100

    update = best_of(drafts(p, 5), score)
    assert update[p] == 5
    assert update.trials[0].failure.startswith("ZeroDivisionError")


def test_a_score_that_always_raises_is_wrong_itself(p):
    with pytest.raises(OptimizerError, match=r"each of 2 drafts.*NameError: .*scoer") as caught:
        best_of(drafts(p, 5, 6), lambda: scoer)  # noqa: F821 - that is the mistake
    assert isinstance(caught.value.__cause__, NameError)
    assert p.data == 3


def test_a_score_is_a_number(p):
    with pytest.raises(OptimizerError, match="must return a number, not 'good'"):
        best_of(drafts(p, 5), lambda: "good")
    assert p.data == 3
    assert not best_of(drafts(p, 5), lambda: 1.0 if p.data == 3 else float("nan"))
    assert best_of(drafts(p, 5), lambda: p + 1)[p] == 5


def test_what_interrupts_a_trial_leaves_the_values_as_they_were(p):
    def score():
        if p.data == 5:
            raise KeyboardInterrupt
        return 0

    with pytest.raises(KeyboardInterrupt):
        best_of(drafts(p, 5), score)
    assert p.data == 3
