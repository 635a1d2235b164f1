"""What stands around one model, in which order, and that it is still that model to look at."""

from __future__ import annotations

import pickle
import time

import pytest

from opto.errors import ArgumentError, BudgetExceeded
from opto.llm import (
    LLM,
    Budget,
    Budgeted,
    Governed,
    Governor,
    LLMFactory,
    OpenAILLM,
    Price,
    ScriptedLLM,
    Shaped,
)
from opto.llm.layers import layered, layers
from opto.store import Recorded
from tests.support.openai_server import fails, says

PRICES = {"tiny": Price(1000.0, 1000.0)}


@pytest.fixture
def place(tmp_path):
    return tmp_path / "journal.sqlite"


def whole(server, place, **how):
    how = {"budget": Budget(usd=1.0), "governor": Governor(concurrent=4), "cache": True, **how}
    return LLM(
        "tiny",
        backend="OpenAI",
        base_url=server.url,
        api_key="sk-any-key-of-mine",
        base_delay=0.01,
        max_tokens=50,
        journal=place,
        prices=PRICES,
        **how,
    )


STACK = [Recorded, Shaped, Budgeted, Governed, OpenAILLM]


def test_the_stack_is_cache_form_budget_governor_model(server, place):
    model = whole(server, place, shaped=True)
    assert [type(one) for one in layers(model)] == STACK
    model.journal.close()


def test_nothing_stands_around_a_model_that_nobody_asked_for():
    model = ScriptedLLM(["ok"])
    assert layered(model) is model


def test_what_comes_from_the_journal_costs_nothing_and_waits_for_nobody(server, place):
    server.otherwise = says("ok", usage=(5, 3))
    slow = Governor(requests_per_minute=30)
    with whole(server, place, governor=slow).journal:
        for _ in range(2):
            model = whole(server, place, governor=slow)
            began = time.monotonic()
            assert model("hi").text == "ok"
            took = time.monotonic() - began
            model.journal.close()
    assert took < 1.0  # the second turn would have come after two seconds
    assert len(server.requests) == 1
    assert model.source.budget.account.spent.calls == 0


def test_each_attempt_is_governed_and_paid_for_and_the_answer_recorded_once(server, place):
    server.script += [fails(503), fails(503), says("ok", usage=(5, 3))]
    with whole(server, place).journal as journal:
        model = whole(server, place, governor=Governor(requests_per_minute=600))
        began = time.monotonic()
        assert model("hi").text == "ok"
        assert time.monotonic() - began > 0.17
        assert [event.kind for event in journal.events()] == ["request", "reply"]
        assert model.source.budget.account.spent.usd == pytest.approx(0.008)
        model.journal.close()


def test_what_does_not_fit_is_refused_and_what_was_answered_stays(server, place):
    server.otherwise = says("ok", usage=(5, 3))
    model = whole(server, place, budget=Budget(usd=0.1))
    model("hi")
    model.source.budget = Budget(usd=0.01)
    with pytest.raises(BudgetExceeded):
        model("another")
    assert model("hi").recalled
    model.journal.close()


def test_a_composed_model_is_still_that_model_to_look_at(server, place):
    model = whole(server, place, enforces_schema=True)
    assert (model.model_name, model.enforces_schema) == ("tiny", True)
    for part in ("Recorded(Budgeted(Governed(OpenAILLM('tiny'", "Budget(usd=1.0)", "concurrent=4"):
        assert part in repr(model)
    assert "sk-any" not in repr(model)
    nameless = layered(ScriptedLLM(["ok"]), budget=Budget(calls=1))
    assert not hasattr(nameless, "model_name")
    model.journal.close()


def test_a_composed_model_travels(server, tmp_path, place):
    files = {
        "budget": Budget(calls=2, path=tmp_path / "b"),
        "governor": Governor(concurrent=1, path=tmp_path / "g"),
    }
    model = whole(server, place, **files)
    there = pickle.loads(pickle.dumps(model))  # noqa: S301 - it is our own
    assert repr(there) == repr(model)
    assert there("one").text == model("two").text == "ok"
    with pytest.raises(BudgetExceeded):
        there("three")
    assert model("one").recalled
    there.journal.close()
    model.journal.close()


def test_a_journal_alone_writes_down_and_answers_nothing(server, place):
    model = LLM("tiny", backend="OpenAI", base_url=server.url, journal=place)
    assert [model("hi").recalled for _ in range(2)] == [False, False]
    assert len(server.requests) == 2
    assert len(list(model.journal.events(kind="reply"))) == 2
    model.journal.close()


def test_a_profile_has_layers_and_its_user_others(server):
    mine, other = Budget(calls=1), Budget(calls=2)
    LLMFactory.register_profile(
        "thrifty", "OpenAI", model="tiny", base_url=server.url, budget=mine, prices=PRICES
    )
    model = LLM(profile="thrifty")
    assert model.budget is mine
    assert model.prices.own == PRICES
    assert LLM(profile="thrifty", budget=other).budget is other
    assert LLM(profile="thrifty", governor=Governor(concurrent=1)).source.model_name == "tiny"


@pytest.mark.parametrize("given", [{"budget": 1.0}, {"governor": 50}])
def test_a_number_is_no_budget_and_no_governor(given):
    with pytest.raises(ArgumentError, match=r"takes one such as (Budget|Governor)\("):
        LLM("tiny", backend="OpenAI", **given)


def test_the_words_of_a_form_are_paid_for_and_governed(server, place):
    refusal = fails(400, "response_format is not supported here")
    server.script += [fails(503), refusal, says('{"city": "Bern"}', usage=(40, 8))]
    model = whole(server, place, shaped=True, governor=Governor(requests_per_minute=600))
    properties = {f"a long name of a property, number {n}": {"type": "string"} for n in range(40)}
    schema = {"type": "object", "properties": properties}
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    small = model.source.source.budget = Budget(usd=0.5)
    with pytest.raises(BudgetExceeded, match="nothing was sent"):
        model("Where?", response_format=form)  # alone, the question would have fitted
    model.source.source.budget = small.raised(usd=10.0)
    began = time.monotonic()
    assert model("Where?", response_format=form).text == '{"city": "Bern"}'
    assert time.monotonic() - began > 0.17  # three turns
    assert len(server.requests) == 3
    assert small.account.spent.usd == pytest.approx(0.048)
    assert [event.kind for event in model.journal.events()] == ["request", "request", "reply"]
    model.journal.close()
