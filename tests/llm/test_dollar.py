"""A budget of a dollar, held by callers at the same time against the server's own count."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest

from opto.errors import BudgetExceeded, ModelUnavailable
from opto.llm import Budget, Price
from tests.support.callers import model_of, run, work
from tests.support.openai_server import OpenAIServer, fails, says

# What a million tokens cost, so that a dollar is some hundred calls; LiteLLM's take longer.
CHEAP = {"openai": (100.0, 100.0), "litellm": (200.0, 200.0)}


class Till:
    """Answers by a server that counts what it charges."""

    def __init__(self, price, fail_every=0):
        self.price = price
        self.tokens = self.calls = 0
        self.fail_every = fail_every
        self.lock = threading.Lock()
        self.random = random.Random(1)

    def turn(self, asked):
        with self.lock:
            fault = self.fail_every and self.random.random() < 1 / self.fail_every
            kind = self.random.choice([429, 500, 503, "cut", "silent", "broken"])
            if fault and isinstance(kind, int):
                return fails(kind)  # which no provider charges
            # No more is written than was asked for, and no more read than there is.
            usage = (8, self.random.randint(1, asked.body["max_tokens"]))
            self.tokens += sum(usage)
            self.calls += 1
        how = {"usage": usage, "silence": 0.005}
        if fault:  # it is written and charged, and comes in pieces, too late or never
            how |= {"cut": {"sent": 0.5}, "silent": {"silence": 2.0}, "broken": {"kept": 0.7}}[kind]
        return says("an answer of some length", **how)

    @property
    def usd(self):
        return Price(*self.price).of(self.tokens, 0)


LITELLM = pytest.mark.litellm


@pytest.mark.parametrize(
    ("client", "processes"),
    [
        pytest.param("openai", 1, id="openai, 32 threads"),
        pytest.param("openai", 4, id="openai, 4 processes of 8 threads"),
        pytest.param("litellm", 1, id="litellm, 32 threads", marks=LITELLM),
        # Each of them imports LiteLLM.
        pytest.param(
            "litellm",
            4,
            id="litellm, 4 processes of 8 threads",
            marks=[LITELLM, pytest.mark.slow],
        ),
    ],
)
@pytest.mark.parametrize("fail_every", [0, 5], ids=["", "with failures"])
def test_concurrent_callers_never_end_above_a_dollar(
    request, tmp_path, client, processes, fail_every
):
    if client == "litellm":
        request.getfixturevalue("warm_litellm")
    till = Till(CHEAP[client], fail_every)
    job = {"threads": 32 // processes, "price": till.price, "retries": 3, "max_tokens": 30}
    # Where nothing fails, nobody is in a hurry, however busy the machine is.
    job |= {"client": client, "timeout": 1.0 if fail_every else 20.0}
    budget = {"usd": 1.0, "path": str(tmp_path / "budget.db")}
    with OpenAIServer(otherwise=till.turn) as server:
        job |= {"url": server.url, "budget": budget}
        ends = work(job) if processes == 1 else run(job, processes)
    keeps_to_a_dollar(Budget(**budget).account, till)
    assert ends["exceeded"] == 32


def keeps_to_a_dollar(account, till):
    """The server has not charged more, and what it has charged was counted."""
    assert till.usd <= 1.0
    assert account.reserved.usd == 0
    # What is left is less than the most that one more call could have cost.
    assert account.spent.usd > 1.0 - Price(*till.price).of(60, 30)
    # What a busy machine is late for is paid for as well, and not answered.
    assert till.calls > (5_000 if till.fail_every else 25_000) / till.price[0]
    if till.fail_every:
        # Who has not got what was charged counts it as the most that it may have been.
        assert till.usd <= account.spent.usd <= 1.0
    else:
        assert account.spent.usd == pytest.approx(till.usd, abs=1e-9)


@pytest.mark.parametrize("fail_every", [0, 5], ids=["", "with failures"])
@pytest.mark.parametrize("client", ["openai", pytest.param("litellm", marks=LITELLM)])
def test_concurrent_tasks_never_end_above_a_dollar(request, client, fail_every):
    if client == "litellm":
        request.getfixturevalue("warm_litellm")
    till, ends = Till(CHEAP[client], fail_every), []
    timeout = 1.0 if fail_every else 20.0
    job = {"price": till.price, "retries": 3, "client": client, "timeout": timeout}
    with OpenAIServer(otherwise=till.turn) as server:
        model = model_of(job | {"url": server.url, "budget": {"usd": 1.0}})

        async def ask():
            while True:
                try:
                    await model.create_async(messages="Say something.", max_tokens=30)
                except BudgetExceeded:
                    return ends.append("exceeded")
                except ModelUnavailable:
                    ends.append("failed")

        async def all_at_once():
            await asyncio.gather(*(ask() for _ in range(32)))

        asyncio.run(all_at_once())
    keeps_to_a_dollar(model.budget.account, till)
    assert ends.count("exceeded") == 32
