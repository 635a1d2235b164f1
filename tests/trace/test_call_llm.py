"""`operators.call_llm`, with both argument orders (SPEC 5)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opto import _plugs
from opto.trace import node
from opto.trace import operators as ops
from opto.trace.utils import sum_feedback
from opto.utils.llm import DummyLLM

asked: list[dict] = []


def answer(**request) -> str:
    asked.append(request)
    return " | ".join(m["content"] for m in request["messages"])


def scripted() -> DummyLLM:
    return DummyLLM(lambda *args, **kwargs: answer(**kwargs))


@pytest.fixture(autouse=True)
def _default_model(monkeypatch):
    asked.clear()
    monkeypatch.setitem(_plugs.PLUGS, "llm.default", f"{__name__}:scripted")


def messages() -> list[tuple[str, str]]:
    (request,) = asked
    return [(m["role"], m["content"]) for m in request["messages"]]


def test_the_old_order_asks_the_default_model():
    system, user = node("be brief", trainable=True), node("hello")
    y = ops.call_llm(system, user, "and bye")
    assert messages() == [("system", "be brief"), ("user", "hello"), ("user", "and bye")]
    assert y.data == "be brief | hello | and bye"
    assert y.op_name == "call_llm"
    assert {id(system), id(user)} <= {id(p) for p in y.parents}
    y.backward("longer")
    assert sum_feedback([system]).user_feedback == "longer"


def test_the_new_order_asks_the_given_model():
    own = DummyLLM(lambda *args, **kwargs: "own: " + answer(**kwargs))
    system = node("be brief", trainable=True)
    y = ops.call_llm(own, system, "hello", "and bye")
    assert messages() == [("system", "be brief"), ("user", "hello"), ("user", "and bye")]
    assert y.data == "own: be brief | hello | and bye"
    assert y.parameter_dependencies == {system}


def test_any_callable_of_the_old_convention_is_a_model():
    def model(messages, **kwargs):
        content = messages[-1]["content"].upper()
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=content))])

    assert ops.call_llm(model, "s", "hello").data == "HELLO"


@pytest.mark.parametrize("given", [(None, "hello"), ("own", None, "hello")])
def test_no_system_prompt_sends_no_system_message(given):
    ops.call_llm(*(scripted() if g == "own" else g for g in given))
    assert messages() == [("user", "hello")]


@pytest.mark.parametrize("own", [False, True])
def test_keywords_go_to_the_model(own: bool):
    model = (scripted(),) if own else ()
    ops.call_llm(*model, "s", "u", max_tokens=7, temperature=node(0.5))
    assert asked[0]["max_tokens"] == 7
    assert asked[0]["temperature"] == 0.5


def test_nothing_is_asked_without_a_call():
    node("s")
    assert asked == []
    assert ops.call_llm.name == "call_llm"
