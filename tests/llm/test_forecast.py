"""The range before a run, held against what runs come to."""

from __future__ import annotations

import random

import pytest

from opto.llm import Budget, Budgeted, OpenAILLM, Price, Request, Usage, estimate
from opto.llm.forecast import _Answers
from opto.llm.prices import Prices
from opto.store import Recorded, open_journal
from opto.store.history import usages
from tests.support.openai_server import says

PRICE = Price(1000.0, 1000.0)  # a tenth of a cent for a token
PRICES = {"tiny": PRICE}


def asked(calls, max_tokens=2000):
    return [Request.of("Say hello.", model="tiny", max_tokens=max_tokens) for _ in range(calls)]


def history(*written):
    return [Usage(0, tokens) for tokens in written]


def test_without_a_history_the_range_reaches_from_one_token_to_the_most():
    guess = estimate(asked(10, 100), prices=PRICES)
    assert guess.calls == guess.low.calls == guess.high.calls == 10
    assert guess.likely is None
    assert guess.high == guess.most
    assert guess.low.tokens < 10 * (13 + 1)
    assert guess.high.tokens >= 10 * 100
    assert not guess.exact
    assert guess.low.usd < guess.high.usd


def test_a_history_makes_the_range_narrow():
    guess = estimate(asked(10, 100), prices=PRICES, history=history(20, 40, 30, 35, 25))
    assert guess.low.usd < guess.likely.usd < guess.high.usd < guess.most.usd
    assert guess.likely.tokens == 10 * (12 + 30)
    alike = estimate(asked(10, 100), prices=PRICES, history=history(*[30] * 5))
    assert alike.high.usd - alike.low.usd < guess.high.usd - guess.low.usd


def test_one_answer_tells_what_is_likely_and_no_range():
    guess = estimate(asked(10, 100), prices=PRICES, history=history(30))
    assert guess.likely.tokens == 10 * (12 + 30)
    assert guess.high == guess.most


def test_answers_that_nobody_counted_are_no_history():
    guess = estimate(asked(10, 100), prices=PRICES, history=history(0, 0, 30, 30))
    assert guess.likely.tokens == 10 * (12 + 30)
    assert estimate(asked(2), prices=PRICES, history=history(0)).likely is None


def test_no_answer_is_longer_than_it_may_be():
    guess = estimate(asked(10, 50), prices=PRICES, history=history(10, 900, 20))
    assert guess.high.tokens <= guess.most.tokens
    assert guess.likely.tokens <= 10 * (12 + 50)


def test_what_is_not_known_is_not_said():
    unknown = estimate(asked(3), prices=Prices(litellm=False), history=history(9, 9))
    assert (unknown.low.usd, unknown.likely.usd, unknown.high.usd) == (None, None, None)
    endless = estimate([Request.of("hi", model="tiny")], prices=PRICES)
    assert (endless.high, endless.most) == (None, None)
    ranged = estimate([Request.of("hi", model="tiny")], prices=PRICES, history=history(5, 7))
    assert (ranged.most, ranged.high is None) == (None, False)
    limited = estimate([Request.of("hi", model="tiny", n=3)], prices=PRICES, longest=7)
    assert limited.high.tokens > 21


def test_nothing_costs_nothing():
    guess = estimate([], prices=PRICES, history=history(5, 7))
    assert (guess.calls, guess.low.usd, guess.high.usd) == (0, 0, 0)


def test_long_prompts_have_their_own_price():
    price = Price(1.0, 1.0, tiers=((5, 10.0, 100.0),))
    guess = estimate(asked(1), prices={"tiny": price}, history=history(100, 100))
    assert guess.likely.usd == pytest.approx((12 * 10 + 100 * 100) / 1e6)


DRAWS = {
    "even": lambda chance: chance.randint(20, 400),
    "long-tailed": lambda chance: max(1, round(chance.lognormvariate(5.0, 0.8))),
    "of two kinds": lambda chance: chance.choice([30, 600]) + chance.randint(0, 20),
}


@pytest.mark.parametrize("known", [5, 10, 200])
@pytest.mark.parametrize("calls", [1, 10, 100])
@pytest.mark.parametrize("kind", DRAWS)
def test_the_range_holds_as_often_as_it_says(kind, calls, known):
    chance, draw = random.Random(1), DRAWS[kind]
    requests, held = asked(1, 20_000) * calls, 0
    for _ in range(tries := 1000):
        answers = _Answers.of([draw(chance) for _ in range(known)], calls)
        held += answers.low <= sum(draw(chance) for _ in range(calls)) / calls <= answers.high
    assert held / tries > 0.78
    # What is asked is added to what is answered, and nothing else.
    guess = estimate(requests, prices=PRICES, history=history(*[40] * known))
    assert guess.likely.tokens == calls * 52


def test_what_was_spent_lies_in_the_estimate_from_the_journal(server, tmp_path):
    chance = random.Random(7)
    server.otherwise = lambda _: says("ok", usage=(12, chance.randint(20, 60)))
    with open_journal(tmp_path / "journal.sqlite") as journal:
        source = OpenAILLM("tiny", base_url=server.url)
        for request in asked(15):
            Recorded(source, journal).answer(request)
        guess = estimate(asked(15), source, prices=PRICES, history=usages(journal, model="tiny"))
        assert guess.high.usd < guess.most.usd / 5
        model = Budgeted(Recorded(source, journal), Budget(usd=guess.most.usd), prices=PRICES)
        for request in asked(15):
            model.answer(request)
    assert guess.low.usd <= model.budget.account.spent.usd <= guess.high.usd
