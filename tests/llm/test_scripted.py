from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import ModelUnavailable
from opto.llm import LLM, AbstractModel, DummyLLM, Reply, Request, ScriptedLLM

MESSAGES = [{"role": "user", "content": "hi"}]


def shout(messages, **rest):
    return messages[-1]["content"].upper()


def test_a_function_answers():
    model = DummyLLM(shout)
    assert isinstance(model, LLM)
    assert isinstance(model, AbstractModel)
    assert model(messages=MESSAGES, max_tokens=3).choices[0].message.content == "HI"
    assert model.answer(Request.of(MESSAGES)).text == "HI"
    assert model.create(messages=MESSAGES).text == "HI"


def test_a_function_gets_what_the_caller_gave():
    got = []
    DummyLLM(lambda *args, **kwargs: got.append((args, kwargs)))("a text", x=1)
    assert got == [(("a text",), {"x": 1})]


def test_a_function_that_raises_raises():
    class MineError(Exception):
        pass

    def fail(**_):
        raise MineError("mine")

    with pytest.raises(MineError, match="mine"):
        DummyLLM(fail)(messages=MESSAGES)
    with pytest.raises(MineError, match="mine"):
        DummyLLM(fail).answer(Request.of(MESSAGES))


def test_a_function_can_be_copied_and_pickled():
    model = DummyLLM(shout, reset_freq=3)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert again(messages=MESSAGES).text == "HI"


@pytest.mark.parametrize("made", [DummyLLM(shout), ScriptedLLM([])], ids=["function", "script"])
def test_neither_claims_to_enforce_schemas(made):
    assert made.enforces_schema is False


def test_both_may_claim_it():
    assert DummyLLM(shout, enforces_schema=True).enforces_schema
    assert ScriptedLLM([], enforces_schema=True).enforces_schema


def test_a_script_is_followed():
    model = ScriptedLLM(["one", Reply("two", finish_reason="length"), OSError("three"), ""])
    assert model(MESSAGES).text == "one"
    second = model(MESSAGES, max_tokens=1)
    assert (second.text, second.finish_reason) == ("two", "length")
    assert second.request == Request.of(MESSAGES, max_tokens=1).digest
    with pytest.raises(OSError, match="three"):
        model(MESSAGES)
    assert model.left == 1
    assert model(MESSAGES).text == ""
    assert [request.max_tokens for request in model.requests] == [None, 1, None, None]


def test_a_script_that_is_used_up_says_so():
    model = ScriptedLLM(["one"])
    model("first")
    with pytest.raises(ModelUnavailable) as caught:
        model("second " * 200)
    told = str(caught.value)
    assert "it was asked 2 times and held 1 answers" in told
    assert "second" in told
    assert len(told) < 600


def test_a_copy_of_a_script_goes_its_own_way():
    model = ScriptedLLM(["one", "two"])
    model("?")
    again = copy.deepcopy(model)
    assert (model("?").text, again("?").text) == ("two", "two")
    assert pickle.loads(pickle.dumps(model)).left == 0  # noqa: S301


def test_threads_share_a_script():
    model = ScriptedLLM(map(str, range(200)))
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: model("?").text, range(200)))
    assert sorted(said, key=int) == list(map(str, range(200)))
    assert len(model.requests) == 200
