"""Choosing among proposals, as a plan without a model."""

import pytest

from opto.formats import Field, JSONFormat
from opto.llm import Reply
from opto.optimizers.candidates import Drafting
from opto.optimizers.drive import drive
from opto.optimizers.plan import Asking, read_in
from opto.optimizers.problem import Problem
from opto.optimizers.reading import proposal_of
from opto.optimizers.selecting import SELECTING, Selecting, selected
from tests.optimizers.answers import suggests

PROBLEM = Problem(fields=(Field.of("x0", 3),), current={"x0": 3})


def read(text):
    return proposal_of(JSONFormat().parse(text, PROBLEM.fields), PROBLEM)


def choose(technique, texts, choice=None, **how):
    asked = []

    def answer(requests):
        asked.extend(requests)
        return (Reply(choice),)

    candidates = [read_in(Reply(text), read) for text in texts]
    drafting = Drafting(Asking("s", "u", temperatures=(0.9, 0.1), models=("a", "b")), read)
    selecting = Selecting(technique, current=PROBLEM.current, **how)
    return drive(selected(selecting, drafting, candidates), answer), candidates, asked


def test_without_a_technique_the_first_of_use_is_taken():
    proposal, candidates, asked = choose(None, ["no", suggests(x0=5), suggests(x0=6)])
    assert (proposal.values, asked) == ({"x0": 5}, [])
    assert proposal.others == (candidates[0], candidates[2])


@pytest.mark.parametrize("technique", [None, *SELECTING])
def test_where_none_is_of_use_the_first_says_why(technique):
    proposal, candidates, asked = choose(technique, ["no", "neither"])
    assert asked == []
    assert proposal.failure == candidates[0].failure
    assert proposal.others == (candidates[1],)


def test_the_optimizers_model_chooses_and_not_those_that_wrote():
    _, _, [request] = choose("best_of_n", [suggests(x0=5), suggests(x0=6)], suggests(x0=6))
    assert (request.model, request.temperature, request.sample) == (None, None, 0)


def test_a_candidate_that_is_chosen_stays_itself():
    texts = [suggests("first", x0=5), suggests("second", x0=6)]
    proposal, candidates, _ = choose("best_of_n", texts, suggests("I like it", x0=6))
    assert proposal.reasoning == "second"
    assert [reply.text for reply in proposal.replies] == [texts[1], suggests("I like it", x0=6)]
    assert proposal.others == (candidates[0],)


def test_an_answer_with_something_refused_is_no_candidate():
    """What was refused in it would be lost otherwise."""
    texts = [suggests(x0=5), suggests(x0=6)]
    proposal, candidates, _ = choose("best_of_n", texts, suggests(x0=6, q=1))
    assert [refusal.name for refusal in proposal.refused] == ["q"]
    assert proposal.others == tuple(candidates)


def test_the_model_may_say_that_nothing_is_to_be_changed():
    proposal, _, _ = choose("best_of_n", [suggests(x0=5), suggests(x0=6)], "TERMINATE")
    assert (proposal.values, proposal.stop) == ({}, True)
    assert len(proposal.others) == 2


def test_equal_texts_are_told_apart_by_place():
    proposal, candidates, _ = choose(None, [suggests(x0=5)] * 3, selector=lambda texts: texts[-1])
    assert proposal.values == {"x0": 5}
    assert len(proposal.others) == 2
    assert all(any(o is c for c in candidates) for o in proposal.others)


def test_what_a_selector_does_to_its_list_is_its_own_affair():
    def selector(texts):
        picked = texts[1]
        texts.clear()
        return picked

    proposal, _, _ = choose(None, [suggests(x0=5), suggests(x0=6)], selector=selector)
    assert proposal.values == {"x0": 6}
