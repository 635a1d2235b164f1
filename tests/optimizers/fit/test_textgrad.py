"""The questions of TextGrad keep to a budget by shorter values."""

from __future__ import annotations

import pytest

from opto.errors import OptimizerError
from opto.llm import ScriptedLLM
from opto.optimizers import TextGrad
from opto.optimizers.fit import Budget
from opto.trace import GRAPH, node
from tests.optimizers.fit.programs import join, parameter, step


def questions(parameters, output, **options):
    asked = []

    def answer(messages, **_settings):
        asked.append("\n\n".join(message["content"] for message in messages))
        return "<IMPROVED_VARIABLE>shorter</IMPROVED_VARIABLE> make it shorter"

    optimizer = TextGrad(parameters, llm=answer, parallel=1, **options)
    optimizer.backward(output, "too long")
    optimizer.step()
    return asked


@pytest.mark.parametrize("budget", [2000, 6000, None])
def test_values_are_cut_until_a_question_fits(budget):
    parameters = [parameter(f"{i} words " * 300, "p") for i in range(10)]
    pages = [node(f"page {i} " * 3000, name="page") for i in range(10)]
    output = step(join(*parameters, *pages), node("much " * 10_000, name="much"))
    first = questions(parameters, output, token_budget=budget)[:2]
    assert all("characters left out" in question for question in first)
    most = max(Budget(1).count(question) for question in first)
    assert most <= (budget or 32_000)
    assert most > (budget or 20_000) // 5


def of_one(value, **options):
    GRAPH.clear()
    x = parameter(value)
    return questions([x], step(x, node("given " * 100, name="given")), **options)


def test_questions_that_fit_are_not_touched():
    free = of_one("long " * 100)
    assert of_one("long " * 100, token_budget=2000) == free
    assert of_one("long " * 100, token_budget=550)[0] != free[0]


def test_a_value_that_is_to_be_changed_is_shown_whole():
    asked = of_one("long " * 5000, token_budget=6500)
    assert "long " * 5000 not in asked[0]
    assert "long " * 5000 in asked[-1]


def test_what_cannot_fit_is_said_before_anything_is_asked():
    GRAPH.clear()
    x = parameter("long " * 5000)
    model = ScriptedLLM([])
    optimizer = TextGrad([x], llm=model, token_budget=1000)
    optimizer.backward(step(x, x), "too long")
    with pytest.raises(OptimizerError, match=r"new value of x0 does not fit .* of 1,000 tokens"):
        optimizer.step()
    assert model.requests == []


@pytest.mark.parametrize(("budget", "calls"), [(700, 300), (900, 300), (1300, 20), (2000, 20)])
def test_no_question_has_more_tokens_than_it_may(budget, calls):
    """Many values, many wishes, many steps: all are few, and short, where they must."""
    parameters = [parameter(f"{i} words " * 3, "p") for i in range(3)]
    pages = [node(f"page {i} " * 300, name="page") for i in range(30)]
    output = join(*(step(step(p, page), parameters[0]) for p in parameters for page in pages))
    asked = questions(parameters, output, token_budget=budget, max_calls=calls)
    assert 3 < len(asked) <= calls
    assert max(Budget(1).count(question) for question in asked) <= budget


def test_what_is_no_budget_is_refused():
    with pytest.raises(OptimizerError, match="token_budget"):
        TextGrad([parameter()], llm=ScriptedLLM([]), token_budget=0)
