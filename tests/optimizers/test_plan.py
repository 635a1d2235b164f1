import pytest

from opto.errors import AnswerError
from opto.formats import Field, JSONFormat
from opto.llm import Reply, Usage
from opto.optimizers.drive import drive
from opto.optimizers.plan import Asking, plan, spread
from opto.optimizers.problem import Problem
from opto.optimizers.reading import proposal_of
from tests.optimizers.answers import suggests

PROBLEM = Problem(fields=(Field.of("x0", 3),), current={"x0": 3})
GOOD, BAD, WRONG = suggests(x0=5), "nonsense", suggests(x0="five")


def read(text):
    return proposal_of(JSONFormat().parse(text, PROBLEM.fields), PROBLEM)


def run(*rounds, **how):
    """Run a plan with the answers of each round, and note what was asked."""
    asked = []
    rounds = iter(rounds)

    def answer(requests):
        asked.append(requests)
        return tuple(Reply(text, usage=Usage(1, 1)) for text in next(rounds))

    return drive(plan(Asking("system", "user", **how), read), answer), asked


def test_one_question_and_one_answer():
    proposal, [[request]] = run([GOOD], max_tokens=9, response_format={"type": "json_object"})
    assert proposal.values == {"x0": 5}
    assert [message["content"] for message in request.messages] == ["system", "user"]
    assert (request.max_tokens, request.response_format) == (9, {"type": "json_object"})
    assert (request.temperature, request.sample) == (None, 0)


@pytest.mark.parametrize(("answer", "why"), [(BAD, "no JSON object"), (WRONG, "x0: it must be")])
def test_a_useless_answer_leads_to_one_more_question(answer, why):
    proposal, [_, [second]] = run([answer], [GOOD])
    words = second.messages[1]["content"]
    assert words.startswith("user\n")
    assert answer in words
    assert why in words
    assert proposal.values == {"x0": 5}
    assert [reply.text for reply in proposal.replies] == [answer, GOOD]


def test_there_is_no_third_question():
    proposal, asked = run([BAD], [BAD])
    assert len(asked) == 2
    assert proposal.failure
    assert len(proposal.replies) == 2


def test_there_is_no_second_one_where_it_is_not_wanted_or_not_needed():
    assert len(run([BAD], repair=False)[1]) == 1
    assert len(run([suggests()])[1]) == 1
    assert len(run(["TERMINATE"])[1]) == 1
    assert len(run([suggests(x0=3)])[1]) == 1
    assert len(run([suggests(x0=5, y0=1)])[1]) == 1


def test_drafts_are_asked_for_at_once():
    proposal, [requests] = run([BAD, GOOD, suggests(x0=7)], temperatures=(0.0, 0.5, 1.0))
    assert [(r.temperature, r.sample) for r in requests] == [(0.0, 0), (0.5, 1), (1.0, 2)]
    assert len({request.digest for request in requests}) == 3
    assert proposal.values == {"x0": 5}
    assert [other.values for other in proposal.others] == [{}, {"x0": 7}]


def test_a_plan_says_who_answers_each_draft():
    _, [requests, [again]] = run(
        [BAD, BAD], [GOOD], temperatures=(None, None), models=("large", "small")
    )
    assert [request.model for request in requests] == ["large", "small"]
    assert again.model == "large"


def test_if_all_drafts_are_useless_the_first_is_asked_for_again():
    proposal, [_, [again]] = run([BAD, WRONG], [GOOD], temperatures=(0.2, 0.9))
    assert BAD in again.messages[1]["content"]
    assert proposal.values == {"x0": 5}
    assert len(proposal.replies) == 2
    assert [len(other.refused) for other in proposal.others] == [1]


def test_the_same_answers_give_the_same_proposal():
    assert run([BAD], [GOOD])[0] == run([BAD], [GOOD])[0]


def test_what_reading_raises_passes_through():
    def fail(text):
        raise AnswerError("no")

    with pytest.raises(AnswerError):
        drive(plan(Asking("s", "u"), fail), lambda requests: (Reply("x"),))


@pytest.mark.parametrize(
    ("count", "temperature", "result"),
    [
        (1, None, (None,)),
        (1, 0.7, (0.7,)),
        (3, 0.7, (0.7, 0.7, 0.7)),
        (2, (0.0, 1.0), (0.0, 1.0)),
        (3, None, (0.3, 0.65, 1.0)),
        (1, (0.2, 0.8), (0.2,)),
    ],
)
def test_temperatures_are_spread_over_the_drafts(count, temperature, result):
    assert spread(count, temperature) == result
