"""The questions of OptoPrimeMulti keep to a budget, those that show answers too."""

from __future__ import annotations

import pytest

from opto.llm import DummyLLM
from opto.optimizers import OptoPrimeMulti
from opto.optimizers.candidates import ALONE, SHOWING
from opto.optimizers.fit import Budget
from opto.optimizers.selecting import TOO_LONG
from opto.trace import GRAPH, node
from tests.optimizers.answers import suggests


def steps(budget, long=0, why=20, **options):
    """The questions of one step of a large run, and what came of it."""
    GRAPH.clear()
    x = node("short", name="x", trainable=True)
    y = x
    for _ in range(600):
        y = y + node("more", name="given")
    asked = []

    def answer(messages, **_):
        asked.append("\n\n".join(message["content"] for message in messages))
        number = len(asked)
        return suggests(f"{number} because " * why, x0=f"answer {number} " + "word " * long)

    options = {"num_responses": 4, "parallel": 1, **options}
    optimizer = OptoPrimeMulti([x], llm=DummyLLM(answer), token_budget=budget, **options)
    optimizer.backward(y, "longer")
    return asked, optimizer.step()


@pytest.mark.parametrize("way", ["temperature_variation", *sorted(SHOWING)])
@pytest.mark.parametrize(
    ("budget", "long", "why"), [(1000, 0, 400), (6000, 50, 400), (900, 300, 3)]
)
def test_no_question_has_more_tokens_than_it_may(way, budget, long, why):
    experts = {"experts_list": ["a cook", "a poet"]} if way == "multi_experts" else {}
    asked, update = steps(budget, long, why, generation_technique=way, **experts)
    assert max(Budget(1).count(question) for question in asked) <= budget
    assert len(asked) >= 4
    assert update


def test_all_answers_are_shown_where_there_is_room():
    asked, update = steps(6000, 50, 20, generation_technique="iterative_alternatives")
    assert asked[3].count("\nCandidate ") == 3
    assert asked[4].count("\nCandidate ") == 4
    assert len(asked) == 5
    assert not {ALONE, TOO_LONG} & set(update.proposal.repairs)


def test_the_oldest_are_left_out_before_a_value_is_cut():
    asked, update = steps(2500, 300, 3, generation_technique="iterative_alternatives")
    shown = [question.count("\nCandidate ") for question in asked]
    assert shown[0] == 0
    assert 0 < shown[3] < 3
    assert "answer 3 " + "word " * 300 in asked[3]
    assert "answer 1 " not in asked[3]
    # All would have to be there for a choice.
    assert len(asked) == 4
    assert TOO_LONG in update.proposal.repairs


def test_where_no_answer_fits_the_first_question_is_asked_again():
    asked, update = steps(900, 900, 3, generation_technique="self_refinement")
    assert asked == [asked[0]] * 4
    every = (update.proposal, *update.proposal.others)
    assert sum(ALONE in proposal.repairs for proposal in every) == 3


def test_a_quarter_is_kept_only_where_answers_are_shown():
    whole = Budget(1).count(steps(10**6)[0][0])
    for options, kept in (
        ({}, True),
        ({"selection_technique": "majority"}, False),
        ({"selector": min}, False),
        ({"selector": min, "generation_technique": "self_refinement"}, True),
    ):
        first = Budget(1).count(steps(whole, **options)[0][0])
        assert (first <= whole * 3 // 4) is kept
        assert first == whole or kept
