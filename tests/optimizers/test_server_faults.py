"""A real HTTP server that fails: a step ends in our exception or a completed retry.

After each fault the parameters, the feedback and the memory are as before the step.
"""

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm.openai import OpenAILLM
from opto.optimizers import OptoPrime
from opto.trace import node
from tests.optimizers.answers import suggests
from tests.support.openai_server import (
    OpenAIServer,
    cuts,
    fails,
    keeps_silent,
    says,
    trickles,
    truncates,
)

pytest.importorskip("openai")
GOOD = says(suggests(x0=7))
TRANSIENT = {
    "500": lambda: fails(500),
    "503": lambda: fails(503),
    "429": lambda: fails(429, retry_after=0.05),
    "cut": cuts,
    "broken JSON": truncates,
    "silence": keeps_silent,
}


@pytest.fixture
def x():
    return node(3, name="x", trainable=True)


def optimizer_of(x, server, **client):
    how = {"max_retries": 2, "base_delay": 0.01, "timeout": 0.6, **client}
    llm = OpenAILLM("scripted", base_url=server.url, api_key="none", **how)
    optimizer = OptoPrime([x], llm=llm, memory_size=5)
    optimizer.zero_feedback()
    optimizer.backward(x * 2, "larger")
    return optimizer


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_passing_fault_is_retried(x, fault):
    with OpenAIServer([fault(), GOOD]) as server:
        update = optimizer_of(x, server).step()
    assert (x.data, update.usage.total_tokens, len(server.requests)) == (7, 18, 2)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_lasting_fault_is_our_exception_and_changes_nothing(x, fault):
    with OpenAIServer(otherwise=fault()) as server:
        optimizer = optimizer_of(x, server, max_retries=1)
        with pytest.raises(ModelUnavailable):
            optimizer.step()
        assert len(server.requests) == 2
        assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])
        assert optimizer.trace_graph.user_feedback == "larger"
        server.otherwise = GOOD
        optimizer.step()
    assert (x.data, len(optimizer.memory)) == (7, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_one_call(x, status):
    with OpenAIServer(otherwise=fails(status)) as server:
        optimizer = optimizer_of(x, server)
        with pytest.raises(ModelRefused):
            optimizer.step()
        assert len(server.requests) == 1
    assert (x.data, len(optimizer.memory)) == (3, 0)


def test_a_server_without_json_mode_is_asked_without_it(x):
    refusal = fails(400, "'response_format' is not supported by this model")
    with OpenAIServer([refusal, GOOD]) as server:
        optimizer_of(x, server).step()
    assert x.data == 7
    assert ["response_format" in asked.body for asked in server.requests] == [True, False]


@pytest.mark.parametrize("content", [None, "", "Sorry!", suggests(x0=7)[:-4]])
def test_a_useless_answer_is_asked_for_again(x, content):
    with OpenAIServer([says(content, finish_reason="length"), GOOD]) as server:
        update = optimizer_of(x, server).step()
    assert x.data == 7
    assert (len(server.requests), len(update.replies)) == (2, 2)


def test_a_useless_server_changes_nothing_and_says_why(x):
    with OpenAIServer(otherwise=says(suggests(x0=7)[:-4])) as server:
        update = optimizer_of(x, server).step()
    assert x.data == 3
    assert "cut off" in update.refused[0].why


def test_a_schema_reaches_a_server_that_can_enforce_it(x):
    with OpenAIServer([GOOD]) as server:
        optimizer_of(x, server, enforces_schema=True).step()
    assert server.requests[0].body["response_format"]["type"] == "json_schema"


def test_a_slow_answer_counts(x):
    with OpenAIServer([trickles(0.02, suggests(x0=7))]) as server:
        optimizer_of(x, server, timeout=5).step()
    assert x.data == 7
