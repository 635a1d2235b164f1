from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from opto.errors import OptimizerError
from opto.llm import Budget as Money
from opto.llm import LocalLLM, OpenAILLM, ScriptedLLM, tokenizers
from opto.llm.layers import layered
from opto.llm.packages import installed
from opto.llm.prices import context_of
from opto.llm.tokenizers import Tokenizer
from opto.llm.tokens import count_text
from opto.optimizers import OptoPrime, OptoPrimeMulti
from opto.optimizers.fit import Budget, budget_of
from opto.optimizers.fit.budget import DEFAULT, LARGEST
from opto.trace import node


def test_the_users_number_counts_and_binds():
    assert budget_of([ScriptedLLM([])], tokens=500) == Budget(500, 500)


@pytest.mark.parametrize("tokens", [0, -1, 2.5, "many", True])
def test_what_is_no_number_of_tokens_is_refused_at_once(tokens):
    with pytest.raises(OptimizerError, match="token_budget must be a whole number"):
        OptoPrime([node(1, trainable=True)], llm=ScriptedLLM([]), token_budget=tokens)


@pytest.mark.parametrize("model", [ScriptedLLM([]), print, MagicMock(), None])
def test_nothing_binds_where_no_context_is_known(model):
    assert budget_of([model]) == Budget(DEFAULT, None)


def test_the_local_models_context_leaves_room_for_the_answer_and_a_repair():
    small, large = LocalLLM("qwen2.5-coder-0.5b"), LocalLLM("qwen2.5-coder-0.5b", context=32_000)
    budget = budget_of([small], max_tokens=4096)
    # It answers with 1024 tokens at most, and what is not counted by itself is an estimate.
    tokens = int((4096 - 1024 - 512) * 0.8)
    assert budget == Budget(tokens, tokens)
    assert budget_of([large, small]).tokens == budget.tokens
    assert budget_of([layered(large, budget=Money(calls=9))]).tokens > 20_000


def test_a_local_model_is_estimated_loaded_or_not(monkeypatch):
    def loaded(name):
        return Tokenizer("the loaded model", lambda text: 10 * len(text))

    before = budget_of([LocalLLM("qwen2.5-coder-0.5b")])
    words = before.count("some words")
    monkeypatch.setattr(tokenizers, "_of_local", loaded)
    assert budget_of([LocalLLM("qwen2.5-coder-0.5b")]) == before
    assert before.count("some words") == words


def test_a_listed_model_has_the_context_of_the_list():
    if not installed("litellm"):
        pytest.skip("the list lies in LiteLLM's package")
    context = context_of("gpt-4o")
    assert context == context_of("openai/gpt-4o") > 100_000
    budget = budget_of([OpenAILLM("gpt-4o", base_url="http://127.0.0.1:1", api_key="k")])
    assert budget.tokens == LARGEST
    assert LARGEST < budget.most < context - 4096


def test_the_smallest_context_of_all_who_are_asked_counts():
    x = node(1, name="x", trainable=True)
    optimizer = OptoPrimeMulti(
        [x],
        llm=ScriptedLLM([]),
        generation_technique="multi_llm",
        llm_profiles=[LocalLLM("qwen2.5-coder-0.5b"), LocalLLM(context=16_000)],
    )
    left = int((4096 - 1024 - 512) * 0.8)
    # A quarter is kept for the answers that are shown when one of them is chosen.
    assert (optimizer._budget().most, optimizer._budget().tokens) == (left, left * 3 // 4)


@pytest.mark.parametrize("text", ["", "word " * 9000, "ü" * 30_000, "\ud800" * 50])
def test_counting_ends_early_and_says_the_same(text):
    exact = Budget(1).count(text)
    assert abs(exact - count_text(text).tokens) <= 3
    for tokens in (1, 100, 10_000, 100_000):
        assert Budget(tokens).allows(text) == (
            exact <= tokens or len(text.encode("utf-8", "surrogatepass")) <= tokens
        )
