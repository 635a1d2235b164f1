from __future__ import annotations

import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ArgumentError
from opto.llm import FREE, Price, Prices, Usage
from opto.llm.packages import installed

litellm = pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed")


def test_an_unknown_price_is_none_and_never_zero(without_litellm):
    assert Prices().find("gpt-4o") is None
    assert Prices().cost("gpt-4o", Usage(10, 10)) is None
    assert Prices().cost(None, Usage(10, 10)) is None


@litellm
def test_the_table_of_litellm_is_read_without_importing_or_fetching_it(monkeypatch):
    def refuse(*_):
        raise AssertionError("a price reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = "litellm" in sys.modules
    price = Prices().find("gpt-4o")
    assert price is not None
    assert price.completion > price.prompt > 0
    assert price.longest >= 4096
    assert Prices().find("openai/gpt-4o") == price
    assert Prices().find("anthropic/gpt-4o") is None
    assert Prices(litellm=False).find("gpt-4o") is None
    assert ("litellm" in sys.modules) == before


@pytest.mark.litellm
def test_a_cost_is_the_one_that_litellm_works_out(server, warm_litellm):
    from opto.llm import LiteLLM
    from tests.support.openai_server import says

    server.script.append(says("ok", usage=(1234, 567)))
    usage = LiteLLM("openai/gpt-4o", api_base=server.url, api_key="x")("hi").usage
    ours = Prices().find("gpt-4o").of(usage.prompt_tokens, usage.completion_tokens)
    assert usage.cost_usd == pytest.approx(ours)


@litellm
def test_long_prompts_have_the_prices_of_their_tier():
    price = Prices().find("gemini/gemini-2.5-pro")
    (above, read, written), *_ = price.tiers
    assert above == 200_000
    assert read > price.prompt
    assert written > price.completion
    assert price.of(above, 0) == pytest.approx(price.prompt * 0.2)
    assert price.of(above + 1, 0) == pytest.approx(read * 0.2, rel=1e-4)


def test_the_own_table_goes_first():
    prices = Prices({"gpt-4o": Price(1.0, 1.0)})
    assert prices.cost("gpt-4o", Usage(1_000_000, 0, cost_usd=99.0)) == 1.0
    assert prices.cost("another", Usage(1, 0, cost_usd=99.0)) == 99.0


def test_tokens_that_nobody_counted_cost_an_unknown_amount():
    assert Prices({"m": Price(1.0, 1.0)}).cost("m", Usage(0, 0)) is None
    assert Prices({"m": FREE}).cost("m", Usage(0, 0)) == 0.0


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_price_is_a_number(rate):
    with pytest.raises(ArgumentError, match="a million tokens"):
        Price(rate, 1.0)


RATES = st.floats(0, 100)


@given(
    RATES,
    RATES,
    st.lists(st.tuples(st.integers(1, 1000), RATES, RATES), max_size=3),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.integers(0, 2000),
)
def test_no_answer_costs_more_than_the_upper_price(read, written, tiers, prompt, less, answer):
    price = Price(read, written, tiers=tuple(tiers))
    true = price.of(max(0, prompt - less), answer)
    assert true <= price.upper(prompt, answer) * (1 + 1e-12)
