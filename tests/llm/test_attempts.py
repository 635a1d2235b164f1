from __future__ import annotations

import time

import pytest

from opto.errors import ArgumentError, BudgetExceeded, ModelRefused, ModelUnavailable
from opto.llm import LocalLLM, OpenAILLM, Request, ScriptedLLM
from opto.llm.attempts import PerAttempt, as_sent
from opto.llm.failures import Failure, may_cost
from tests.support.openai_server import OpenAIServer, fails, keeps_silent


class Counted(PerAttempt):
    def __init__(self, source):
        super().__init__(source)
        self.count = 0

    def attempt(self, request):
        self.count += 1
        return self.source.answer(request)


@pytest.fixture
def source(server):
    return OpenAILLM("tiny", base_url=server.url, base_delay=0.01, max_retries=4, timeout=2.0)


def test_it_sees_each_attempt_and_waits_as_the_provider_asks(server, source):
    server.script += [fails(500), fails(429, retry_after=0.4), keeps_silent(9)]
    model, start = Counted(source), time.monotonic()
    assert model("hi").text == "ok"
    assert model.count == len(server.requests) == 4
    assert time.monotonic() - start >= 0.4


def test_the_source_keeps_its_own_retries(server, source):
    Counted(source)
    server.script += [fails(500), fails(500)]
    assert source("hi").text == "ok"


def test_a_refusal_is_not_tried_again(server, source):
    server.script.append(fails(401))
    model = Counted(source)
    with pytest.raises(ModelRefused, match="key is missing or wrong"):
        model("hi")
    assert model.count == 1


def test_what_connects_to_nobody_is_tried_again_and_told():
    with OpenAIServer() as gone:
        source = OpenAILLM("tiny", base_url=gone.url, base_delay=0.01, max_retries=2)
    model = Counted(source)
    with pytest.raises(ModelUnavailable, match=r"after 3 attempts in"):
        model("hi")
    assert model.count == 3


@pytest.mark.parametrize("error", [BudgetExceeded("spent"), ArgumentError("wrong")])
def test_an_error_of_a_layer_comes_out_as_it_is(server, source, error):
    class Strict(Counted):
        def attempt(self, request):
            if self.count:
                raise error
            return super().attempt(request)

    server.otherwise = fails(500)
    with pytest.raises(type(error)) as caught:
        Strict(source)("hi")
    assert caught.value is error
    assert len(server.requests) == 1


def test_without_retries_nothing_is_wrapped():
    model = Counted(ScriptedLLM([ModelUnavailable("busy")]))
    with pytest.raises(ModelUnavailable, match=r"^busy$"):
        model("hi")


def test_a_request_is_known_as_it_will_be_sent():
    source = Counted(OpenAILLM("tiny", base_url="http://127.0.0.1:9", temperature=0.5))
    sent = as_sent(Counted(source), Request.of("hi", temperature=0.1, max_tokens=9))
    assert (sent.model, sent.temperature, sent.max_tokens) == ("tiny", 0.1, 9)
    assert as_sent(source, Request.of("hi", model="other")).model == "other"
    assert as_sent(ScriptedLLM(["a"]), Request.of("hi")).model is None
    local = LocalLLM("qwen2.5-coder-0.5b", max_tokens=50)
    assert as_sent(local, Request.of("hi")).max_tokens == 50
    assert as_sent(local, Request.of("hi", max_tokens=900)).max_tokens == 50


def test_failures_of_one_attempt_are_understood_again():
    assert Failure.behind(ModelUnavailable("busy")).transient
    assert not Failure.behind(ModelRefused("no")).transient
    assert not Failure.behind(ValueError("odd")).transient


def test_only_what_was_perhaps_answered_may_cost():
    assert may_cost(TimeoutError())
    assert may_cost(ModelUnavailable("nobody knows why"))
    assert may_cost(KeyboardInterrupt())
    assert not may_cost(ConnectionRefusedError())
    assert not may_cost(ModelRefused("no"))
    assert not may_cost(TypeError("the client did not take it"))
