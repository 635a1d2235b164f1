"""The layer against a real server, whose own count is what may not pass the budget."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time

import pytest

from opto.errors import ArgumentError, BudgetExceeded, ModelRefused, ModelUnavailable
from opto.llm import (
    FREE,
    AutoGenLLM,
    Budget,
    Budgeted,
    DummyLLM,
    Governed,
    Governor,
    OpenAILLM,
    Price,
    Prices,
    Reply,
    Request,
    ScriptedLLM,
    Usage,
)
from tests.support.openai_server import (
    OpenAIServer,
    cuts,
    fails,
    keeps_silent,
    says,
    truncates,
)

PRICE = Price(1000.0, 1000.0)  # a tenth of a cent for a token
PRICES = {"tiny": PRICE}


def connected(server, budget, **how):
    how = {"max_retries": 0, "base_delay": 0.01, "timeout": 5.0, **how}
    return Budgeted(OpenAILLM("tiny", base_url=server.url, **how), budget, prices=PRICES)


def test_an_answer_is_settled_by_what_the_server_counted(server):
    server.script.append(says("Hello", usage=(5, 3)))
    model = connected(server, Budget(usd=1.0))
    request = Request.of("hi", max_tokens=20)
    reply = model.answer(request)
    assert (reply.text, reply.request) == ("Hello", request.digest)
    spent = model.budget.account.spent
    assert (spent.usd, spent.tokens, spent.calls) == (pytest.approx(0.008), 8, 1)
    assert model.budget.account.reserved.usd == 0


def test_nothing_is_sent_beyond_the_budget(server):
    model = connected(server, Budget(usd=0.02))
    with pytest.raises(BudgetExceeded, match=r"nothing was sent.*\$0.02.*raised\(usd=0.04\)"):
        model("hi", max_tokens=100)
    assert server.requests == []
    model.budget = model.budget.raised(usd=1.0)
    assert model("hi", max_tokens=100).text == "ok"


def test_what_a_provider_turned_down_is_given_back(server):
    model = connected(server, Budget(usd=1.0, calls=5))
    for status, error in [(400, ModelRefused), (429, ModelUnavailable), (500, ModelUnavailable)]:
        server.script.append(fails(status))
        with pytest.raises(error):
            model("hi", max_tokens=100)
    assert model.budget.left == {"usd": 1.0, "calls": 5}


def test_what_was_never_sent_is_given_back():
    with OpenAIServer() as gone:
        model = connected(gone, Budget(usd=1.0))
    with pytest.raises(ModelUnavailable):
        model("hi", max_tokens=100)
    assert model.budget.left == {"usd": 1.0}


@pytest.mark.parametrize(
    "turn",
    [keeps_silent(3), cuts(), truncates(), fails(504)],
    ids=["a timeout", "a cut connection", "half an answer", "a gateway's timeout"],
)
def test_what_may_have_been_written_counts_as_its_upper_estimate(server, turn):
    server.script.append(turn)
    model = connected(server, Budget(usd=1.0), timeout=0.4)
    with pytest.raises(ModelUnavailable):
        model("hi", max_tokens=100)
    spent = model.budget.account.spent
    assert spent.calls == 1
    assert 0.1 < spent.usd < 0.15


@pytest.mark.litellm
@pytest.mark.parametrize(
    ("turn", "charged"),
    [(fails(500), False), (fails(429), False), (keeps_silent(3), True), (cuts(), True)],
    ids=["500", "429", "a timeout", "a cut connection"],
)
def test_failures_of_litellm_are_told_apart_as_well(server, warm_litellm, turn, charged):
    from opto.llm import LiteLLM

    server.script.append(turn)
    source = LiteLLM("openai/tiny", api_base=server.url, api_key="x", max_retries=0, timeout=0.5)
    model = Budgeted(source, Budget(usd=1.0), prices={"openai/tiny": PRICE})
    with pytest.raises(ModelUnavailable):
        model("hi", max_tokens=100)
    assert model.budget.account.spent.calls == int(charged)


def test_each_attempt_is_paid_for(server):
    server.script += [keeps_silent(3), fails(500), says("ok", usage=(5, 3))]
    model = connected(server, Budget(usd=1.0), timeout=0.4, max_retries=5)
    assert model("hi", max_tokens=100).text == "ok"
    assert len(server.requests) == 3
    assert model.budget.account.spent.calls == 2  # the 500 was not charged
    assert model.budget.account.spent.usd > 0.1


def test_a_budget_ends_the_retries(server):
    server.otherwise = fails(504)
    model = connected(server, Budget(usd=0.3), max_retries=10)
    with pytest.raises(BudgetExceeded):
        model("hi", max_tokens=100)
    assert len(server.requests) == 2


def test_an_unknown_price_is_refused_where_dollars_are_limited(server):
    source = OpenAILLM("tiny", base_url=server.url)
    with pytest.raises(ArgumentError, match=r"price of 'tiny'.*prices="):
        Budgeted(source, Budget(usd=1.0))("hi", max_tokens=9)
    assert server.requests == []
    Budgeted(source, Budget(usd=1.0), prices={"tiny": FREE})("hi")
    model = Budgeted(source, Budget(tokens=100))
    model("hi", max_tokens=9)
    # Said, and not counted as zero: a limit in dollars comes too late.
    assert model.budget.account.spent.usd is None


def test_an_answer_of_any_length_has_no_upper_bound(server):
    source = OpenAILLM("tiny", base_url=server.url)
    with pytest.raises(ArgumentError, match=r"max_tokens=.*longest="):
        Budgeted(source, Budget(usd=1.0), prices=PRICES)("hi")
    model = Budgeted(source, Budget(usd=1.0), prices=PRICES, longest=50)
    request = Request.of("hi")
    assert model.answer(request).request == request.digest
    assert server.requests[0].body["max_tokens"] == 50
    model("hi", max_tokens=20)
    assert server.requests[1].body["max_tokens"] == 20
    capped = Budgeted(source, Budget(usd=1.0), prices={"tiny": Price(1.0, 1.0, longest=300)})
    capped("hi")
    assert "max_tokens" not in server.requests[2].body


def test_several_answers_are_reserved_for(server):
    model = connected(server, Budget(usd=0.5))
    with pytest.raises(BudgetExceeded):
        model("hi", max_tokens=100, n=5)


def test_where_the_server_counts_nothing_the_upper_estimate_is_spent(server):
    server.script.append(says("ok", usage=(0, 0)))
    model = connected(server, Budget(usd=1.0))
    model("hi", max_tokens=100)
    assert 0.1 < model.budget.account.spent.usd < 0.15


def test_models_share_a_budget():
    budget = Budget(calls=3)
    one, two = (Budgeted(DummyLLM(lambda **_: "ok"), budget) for _ in range(2))
    one("a"), two("b"), one("c")
    with pytest.raises(BudgetExceeded, match=r"of 3 calls, 3 calls are spent"):
        two("d")


def test_an_interrupted_call_counts_as_its_upper_estimate():
    def interrupted(**_):
        raise KeyboardInterrupt

    model = Budgeted(DummyLLM(interrupted), Budget(usd=1.0), prices=Prices({"m": PRICE}))
    with pytest.raises(KeyboardInterrupt):
        model("hi", model="m", max_tokens=100)
    assert model.budget.account.spent.usd > 0.1


def test_layers_stand_on_each_other_and_the_outermost_tries_again(server):
    source = OpenAILLM("tiny", base_url=server.url, base_delay=0.01, max_retries=3)
    inner = Governed(source, Governor(requests_per_minute=60_000))
    model = Budgeted(inner, Budget(calls=9))
    assert (model.retry.max_retries, inner.retry.max_retries) == (3, 3)
    assert (model.source.retry.max_retries, source.retry.max_retries) == (0, 3)
    server.script += [fails(503), fails(503), fails(503)]
    assert model("hi").text == "ok"
    assert len(server.requests) == 4
    server.otherwise = fails(503)
    with pytest.raises(ModelUnavailable, match=r"OpenAILLM 'tiny' did not answer after 4 attempts"):
        model("hi")


def test_a_layer_keeps_what_its_source_can_and_travels(tmp_path, server):
    source = OpenAILLM("tiny", base_url=server.url, enforces_schema=True)
    model = Budgeted(source, Budget(calls=2, path=tmp_path / "b.db"))
    assert model.enforces_schema
    assert not Budgeted(ScriptedLLM(["a"]), Budget(calls=1)).enforces_schema
    there = pickle.loads(pickle.dumps(model))  # noqa: S301 - it is our own
    assert there("hi").text == model("hi").text == "ok"
    for one in (there, model, copy.deepcopy(model)):
        with pytest.raises(BudgetExceeded):
            one("hi")


def test_a_reply_of_known_cost_is_taken_at_its_word():
    source = ScriptedLLM([Reply("ok", usage=Usage(5, 5, 0.125))])
    model = Budgeted(source, Budget(tokens=1000))
    model("hi", model="m", max_tokens=5)
    assert model.budget.account.spent.usd == 0.125


def test_what_comes_out_of_a_record_is_charged_and_never_refused(server):
    server.otherwise = says("ok", usage=(5, 3))
    request = Request.of("hi", max_tokens=20)
    reply = connected(server, Budget(usd=1.0)).answer(request)
    model = connected(server, Budget(usd=0.03))
    for _ in range(5):
        model.recall(request, reply)
    account = model.budget.account
    assert (account.spent.usd, account.spent.tokens) == (pytest.approx(0.04), 40)
    assert (account.spent.calls, account.reserved.calls) == (5, 0)
    with pytest.raises(BudgetExceeded):
        model("hi", max_tokens=20)
    assert len(server.requests) == 1


def test_a_budget_of_a_file_knows_by_itself_what_was_paid(tmp_path):
    model = Budgeted(ScriptedLLM(["ok"]), Budget(calls=3, path=tmp_path / "b.db"))
    model.recall(Request.of("hi"), Reply("ok"))
    assert model.budget.left == {"calls": 3}


def test_a_recalled_reply_is_charged_as_it_was_when_it_was_given():
    uncounted, request = Reply("ok"), Request.of("hi", model="m")
    model = Budgeted(ScriptedLLM([uncounted]), Budget(usd=1.0), prices={"m": PRICE}, longest=50)
    model.answer(request)
    charged = model.budget.account.spent
    model.recall(request, uncounted)
    spent = model.budget.account.spent
    assert (spent.usd, spent.tokens) == (2 * charged.usd, 2 * charged.tokens)
    # Nobody knows what that was: said, and not counted as zero.
    unknown = Budgeted(ScriptedLLM(["ok"]), Budget(usd=1.0), prices=Prices(litellm=False))
    unknown.recall(request, uncounted)
    assert unknown.budget.left == {"usd": None}


def test_who_gives_up_before_his_turn_has_spent_nothing(server):
    source = OpenAILLM("tiny", base_url=server.url, max_retries=0)
    governed = Governed(source, Governor(requests_per_minute=2))
    model = Budgeted(governed, Budget(calls=5))

    async def both():
        await model.create_async(messages="one")
        await asyncio.wait_for(model.create_async(messages="two"), 0.2)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(both())
    assert model.budget.left == {"calls": 4}
    assert len(server.requests) == 1


def test_who_gives_up_while_it_is_answered_has_spent_the_upper_estimate(server):
    server.script.append(keeps_silent(5))
    model = connected(server, Budget(usd=1.0))

    async def ask():
        await asyncio.wait_for(model.create_async(messages="hi", max_tokens=100), 0.3)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(ask())
    assert model.budget.account.reserved.usd == 0
    assert 0.1 < model.budget.account.spent.usd < 0.15


def test_who_gives_up_waits_for_no_budget(server):
    server.script.append(says("slow", silence=1.0))
    model = connected(server, Budget(usd=0.2))
    first = threading.Thread(target=lambda: model("slow", max_tokens=100))
    first.start()
    while not server.requests:
        time.sleep(0.01)

    async def ask():
        await asyncio.wait_for(model.create_async(messages="hi", max_tokens=100), 0.2)

    began = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(ask())
    assert time.monotonic() - began < 0.9
    first.join()
    assert model.budget.account.spent.calls == 1


def test_of_several_models_the_dearest_is_reserved_and_the_one_that_answers_paid(server):
    config = {"base_url": server.url, "api_key": "none"}
    several = AutoGenLLM([config | {"model": "tiny"}, config | {"model": "big"}], max_retries=0)
    prices = {"tiny": PRICE, "big": Price(3000.0, 3000.0)}
    with pytest.raises(BudgetExceeded):
        Budgeted(several, Budget(usd=0.3), prices=prices)("hi", max_tokens=100)
    assert server.requests == []
    server.script += [says("ok", usage=(5, 3)), fails(503), says("ok", usage=(5, 3))]
    model = Budgeted(several, Budget(usd=1.0), prices=prices, longest=100)
    assert model("hi").text == "ok"
    assert model.budget.account.spent.usd == pytest.approx(0.008)
    assert model("hi").text == "ok"  # of the second, after the first has failed
    assert model.budget.account.spent.usd == pytest.approx(0.008 + 0.024)
