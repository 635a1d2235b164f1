"""The backend before the model: what it sends, and how refusals read.

The server is the tests' own; tests/llm/local/test_real.py asks the real model.
"""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import pytest

from opto.errors import ArgumentError, ModelMissing, ModelRefused
from opto.llm import LLM, Request
from opto.llm.local import LocalLLM, backend
from opto.llm.local.server import Running
from tests.support.openai_server import OpenAIServer, fails, says


@pytest.fixture
def server(tiny, monkeypatch):
    """Stands in for llama.cpp's server; the weights are the tiny ones from the tests' hub."""
    with OpenAIServer() as listening:
        monkeypatch.setattr(
            backend, "running", lambda setup: Running(listening.url, "the-key", setup)
        )
        yield listening


def test_it_is_chosen_by_name(tiny) -> None:
    llm = LLM("tiny", backend="Local", threads=2)
    assert isinstance(llm, LocalLLM)
    assert llm.threads == 2
    assert llm.enforces_schema


def test_an_answer_in_the_originals_convention(server) -> None:
    server.script.append(says("hola"))
    reply = LocalLLM("tiny")(messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "hola"
    assert reply.model == "tiny"
    assert server.requests[0].headers["authorization"] == "Bearer the-key"


def test_the_longest_answer_is_bounded_whatever_is_asked(server) -> None:
    llm = LocalLLM("tiny", max_tokens=100)
    for asked in (None, 7, 4096):
        llm(messages="hi", max_tokens=asked)
    assert [r.body["max_tokens"] for r in server.requests] == [100, 7, 100]


def test_settings_are_defaults_that_a_request_overrides(server) -> None:
    llm = LocalLLM("tiny", temperature=0.2, top_k=5)
    llm(messages="hi")
    llm(messages="hi", temperature=0.9)
    assert [r.body["temperature"] for r in server.requests] == [0.2, 0.9]
    assert server.requests[0].body["top_k"] == 5


def test_several_answers_are_asked_for_one_by_one(server) -> None:
    server.script.extend([says("a"), says("b"), says("c")])
    reply = LocalLLM("tiny")(messages="hi", n=3)
    assert [choice.message.content for choice in reply.choices] == ["a", "b", "c"]
    assert reply.usage.total_tokens == 3 * 18
    assert all("n" not in r.body for r in server.requests)


def test_a_schema_reaches_the_server(server) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    LocalLLM("tiny")(messages="hi", response_format=shape)
    assert server.requests[0].body["response_format"] == shape


def test_the_reply_names_the_request_that_was_made(server) -> None:
    request = Request.of("hi")
    assert LocalLLM("tiny").answer(request).request == request.digest


def test_a_prompt_that_is_too_long_is_told_in_numbers(server) -> None:
    numbers = {"type": "exceed_context_size_error", "n_prompt_tokens": 6030, "n_ctx": 4096}
    server.script.append(fails(400, "too long", **numbers))
    with pytest.raises(ModelRefused, match=r"6030 tokens.*context of 4096") as caught:
        LocalLLM("tiny")(messages="hi")
    assert "LocalLLM(context=" in str(caught.value)
    assert len(server.requests) == 1


def test_another_refusal_stays_what_it_is(server) -> None:
    server.script.append(fails(400, "no such shape"))
    with pytest.raises(ModelRefused, match="no such shape"):
        LocalLLM("tiny")(messages="hi")


def through_pickle(llm):
    return pickle.loads(pickle.dumps(llm))  # noqa: S301 - what this very line wrote


@pytest.mark.parametrize("travel", [copy.deepcopy, through_pickle])
def test_a_copy_answers_as_well(server, travel) -> None:
    llm = LocalLLM("tiny", temperature=0.5, context=2048)
    llm(messages="hi")
    again = travel(llm)
    assert repr(again) == repr(llm)
    assert again(messages="hi").text == "ok"


@pytest.mark.parametrize("name", ["threads", "context", "max_tokens"])
def test_numbers_below_one_are_refused(tiny, name) -> None:
    with pytest.raises(ArgumentError, match=f"{name} must be at least 1"):
        LocalLLM("tiny", **{name: 0})


def test_a_misspelt_argument_is_refused(tiny) -> None:
    with pytest.raises(ArgumentError, match="did you mean 'threads'"):
        LocalLLM("tiny", thread=2)


def test_an_unknown_model_is_said_when_it_is_chosen(cache) -> None:
    with pytest.raises(ModelMissing, match=r"qwen2\.5-coder-1\.5b"):
        LocalLLM("qwen2.5-coder-1.5")


def test_choosing_it_loads_nothing_heavy(cache) -> None:
    program = (
        "import sys; from opto.llm import LLM; LLM(backend='Local'); import json;"
        "print(json.dumps([n for n in ('xllamacpp', 'openai', 'rich', 'litellm')"
        " if n in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
