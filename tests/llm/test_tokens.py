from __future__ import annotations

import base64
import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm import Count, Request, count
from opto.llm.images import least_and_most
from opto.llm.packages import installed
from opto.llm.tokenizers import _at_rest, tokenizer
from opto.llm.tokens import bound, count_text

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [ROOT / "CHANGELOG.md", ROOT / "pyproject.toml", *ROOT.glob("src/opto/llm/*.py")]
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}

tiktoken = pytest.mark.skipif(
    not installed("tiktoken") or tokenizer("gpt-4o") is None,
    reason="tiktoken or its ranks are not on this machine",
)


@pytest.fixture
def no_sockets(monkeypatch):
    def refuse(*_):
        raise AssertionError("counting reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    _at_rest.cache_clear()
    yield
    _at_rest.cache_clear()


@tiktoken
def test_openai_models_are_counted_exactly_and_offline(no_sockets):
    import tiktoken as theirs

    for model, name in [("gpt-4o", "o200k_base"), ("openai/gpt-4", "cl100k_base")]:
        text = "Grüße, 世界! <|endoftext|>"
        got = count_text(text, model)
        assert got == Count(got.tokens, True, f"tiktoken {name}")
        encoding = theirs.get_encoding(name)
        assert got.tokens == len(encoding.encode(text, disallowed_special=()))


@tiktoken
def test_messages_count_as_openai_says():
    # The example of OpenAI's cookbook counts 3 a message, 1 a name, and 3 for the answer.
    messages = [
        {"role": "system", "content": "Be brief.", "name": "boss"},
        {"role": "user", "content": "hi"},
    ]
    words = sum(count_text(text, "gpt-4o").tokens for m in messages for text in (*m.values(),))
    assert count(messages, "gpt-4o") == Count(words + 3 * 2 + 1 + 3, True, "tiktoken o200k_base")


@tiktoken
@pytest.mark.parametrize("model", ["gpt-4", "gpt-4o"])
def test_the_estimate_is_as_good_as_it_says(model):
    errors = []
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for start in range(0, len(text) - 2999, 3000):
            piece = text[start : start + 3000]
            true = count_text(piece, model).tokens
            errors.append(abs(count_text(piece).tokens / true - 1))
    assert len(errors) > 30
    assert sum(errors) / len(errors) < 0.1
    assert max(errors) < 0.23


def test_nothing_is_looked_up_for_unknown_models(no_sockets):
    got = count_text("some words", "nobody/knows-it")
    assert (got.exact, got.by) == (False, "estimate")


def test_a_file_of_hugging_face_counts_exactly(tmp_path, monkeypatch, no_sockets):
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "hello": 1, "world": 2}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    folder = tmp_path / "hub" / "models--acme--tiny" / "snapshots" / "1"
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("acme/tiny", str(folder / "tokenizer.json")):
        got = count_text("hello world hello", name)
        assert (got.tokens, got.exact) == (3, True)
    # The texts are counted by it, what its chat format adds is not.
    assert not count("hello", "acme/tiny").exact


@pytest.mark.parametrize(
    "extra",
    [
        {"tools": [TOOL]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
    ],
)
def test_what_goes_by_rule_is_not_exact(extra):
    plain, more = Request.of("hi", model="gpt-4o"), Request.of("hi", model="gpt-4o", **extra)
    assert count(more).tokens > count(plain).tokens
    assert not count(more).exact
    assert bound(more) >= count(more).tokens


def test_tools_beside_the_messages_count():
    assert count("hi", tools=[TOOL]) == count(Request.of("hi", tools=[TOOL]))


def picture(width, height):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    url = "data:image/png;base64," + base64.b64encode(head + bytes(100)).decode()
    return {"type": "image_url", "image_url": {"url": url}}


def test_pictures_count_by_their_size():
    assert least_and_most(picture(1024, 1024))[0] == 765
    assert least_and_most(picture(2048, 4096))[0] == 1105
    assert least_and_most({"type": "image_url", "image_url": "https://example.org/a"})[0] == 1445
    broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,§§"}}
    assert least_and_most(broken)[0] == 1445
    message = {"role": "user", "content": [{"type": "text", "text": "What?"}, picture(64, 64)]}
    got = count([message])
    assert got.tokens > 85 + 170
    assert "rule for images" in got.by


def test_other_attachments_and_calls_of_tools_count():
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 400, "format": "wav"}}
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {}}]}
    assert "rule for attachments" in count([{"role": "user", "content": [sound]}]).by
    assert "rule for tools" in count([called]).by


@given(st.text(max_size=200))
def test_a_text_never_has_more_tokens_than_its_bound(text):
    request = Request.of(text)
    assert count(request).tokens >= 0
    for model in ("gpt-4", "gpt-4o"):
        if tokenizer(model) is not None:
            assert count(Request.of(text), model).tokens <= bound(request)


def test_counts_add_up():
    a, b = Count(1, True, "x"), Count(2, True, "x")
    assert a + b == Count(3, True, "x")
    assert json.dumps([a.tokens, a.exact, a.by]) == '[1, true, "x"]'
