"""llama.cpp as a server that any client may ask, and as the judge of how tokens are counted."""

from __future__ import annotations

import json
import warnings

import pytest

from opto.errors import ModelRefused
from opto.llm import LiteLLM, OpenAILLM, Request, count
from opto.llm.local import MODELS, LocalLLM, find
from opto.llm.local.server import Setup, running, stop
from opto.llm.tokens import bound

pytestmark = pytest.mark.local_llm

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "colour": {"enum": ["teal", "ochre"]}},
    "required": ["x", "colour"],
    "additionalProperties": False,
}
SHAPE = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}
CONVERSATIONS = {
    "a text": Request.of("Say hello. Grüße, 世界! <|im_end|>"),
    "turns": Request.of(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "One"}]},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three\n\n```python\nx = 1\n```"},
        ]
    ),
    "tools": Request.of("What is 1 + 2?", tools=[TOOL]),
    "schema": Request.of("Tell me a joke.", response_format=SHAPE),
}


@pytest.fixture(scope="module")
def local():
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    for name in sorted(MODELS, key=lambda name: MODELS[name].size):
        if find(name):
            yield LocalLLM(name, context=1024, max_tokens=60)
            stop()
            return
    pytest.skip("no weights in the cache: `python -m opto quickstart` downloads them")


@pytest.fixture(scope="module")
def serving(local):
    path = find(local.model_name).path
    return running(Setup(path, local.model_name, 1, local.context, 0))


@pytest.fixture(params=["openai", pytest.param("litellm", marks=pytest.mark.litellm)])
def client(request, local, serving):
    """Asks the server through each of the two clients in turn, as for a server elsewhere."""
    settings = {"api_key": serving.key, "timeout": 120.0, "max_tokens": 40, "max_retries": 0}
    if request.param == "openai":
        url = serving.url
        return OpenAILLM(local.model_name, base_url=url, enforces_schema=True, **settings)
    request.getfixturevalue("warm_litellm")
    # LiteLLM reads its chunks in a way that newer releases of pydantic advise against.
    warnings.filterwarnings("ignore", "Accessing the 'model_.*' attribute on the instance")
    name = f"openai/{local.model_name}"
    return LiteLLM(name, api_base=serving.url, enforces_schema=True, **settings)


def test_a_client_is_answered(client, local):
    reply = client("Say hello in Spanish.")
    assert reply.text.strip()
    assert 0 < reply.usage.completion_tokens <= 40


def test_a_schema_holds(client):
    for joke in ("about cats", "about dogs", "without any JSON in it"):
        answer = json.loads(client(f"Tell me a joke {joke}.", response_format=SHAPE).text)
        assert set(answer) == {"x", "colour"}
        assert isinstance(answer["x"], int)
        assert answer["colour"] in {"teal", "ochre"}


def test_text_comes_in_pieces(client):
    stream = client.stream("Count from one to ten in words.")
    pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == stream.reply.text
    assert stream.reply.usage.completion_tokens > 1


def test_a_prompt_that_is_too_long_is_refused(client):
    with pytest.raises(ModelRefused, match=r"longer than this model reads|context"):
        client("word " * 2000)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_tokens_are_counted_exactly(local, name):
    request = CONVERSATIONS[name]
    counted = local.count(request)
    assert (counted.exact, counted.by) == (True, f"llama.cpp {local.model_name}")
    assert counted.tokens == local.answer(request).usage.prompt_tokens


def test_the_bound_of_a_loaded_model_is_its_count(local):
    exact = local.count("Say hello.")
    request = Request.of("Say hello.", model=local.model_name)
    assert count(request) == exact
    assert bound(request) == exact.tokens


def test_counting_loads_the_model(local):
    stop()
    assert not count("Say hello.", local.model_name).exact
    assert local.count("Say hello.").exact
