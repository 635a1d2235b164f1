from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm.glance import is_suspect
from opto.llm.redact import redacted
from opto.trace.encoding import encoded

SECRET = 'a "quoted"\\key-ü7'
PIECES = st.sampled_from(
    [
        "hello",
        SECRET,
        "sk-abcdefgh",
        "Bearer abc123def",
        "https://me:pw@host",
        "ümlaut",
        "$",
        '"',
        "",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map(" ".join))
KEYS = st.one_of(TEXTS, st.sampled_from(["api_key", "API-Key", "password", "tokens", "headers"]))
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS, st.binary(), TEXTS.map(str.encode)),
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(KEYS, st.integers()), inner),
    ),
    max_leaves=8,
)


def in_json(data):
    return json.dumps(encoded(data, "it"), ensure_ascii=False, separators=(",", ":"))


@given(DATA)
def test_where_nothing_is_suspect_nothing_is_taken_out(data):
    if not is_suspect(data, in_json(data), [SECRET]):
        assert redacted(data, [SECRET]) == data


@pytest.mark.parametrize(
    "data",
    [
        {"said": [f"it is {SECRET}"]},
        {SECRET: 1},
        {"deep": [{"x": ({"Api-Key": "anything"},)}]},
        {"said": "take sk-abcdefgh"},
        {"said": SECRET.encode()},
    ],
)
def test_what_has_to_be_taken_out_is_suspect(data):
    assert redacted(data, [SECRET]) != data
    assert is_suspect(data, in_json(data), [SECRET])


def test_secrets_of_the_environment_are_seen_in_every_form(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    assert is_suspect({"said": SECRET}, in_json({"said": SECRET}))
    twice = json.dumps({"said": SECRET})
    assert is_suspect({"said": twice}, in_json({"said": twice}))


def test_ordinary_answers_are_not_suspect():
    data = {
        "messages": [{"role": "user", "content": 'Answer as {"password": "..."}, please.'}],
        "usage": {"completion_tokens": 9, "total_tokens": 10},
        "raw": {"choices": [{"message": {"content": "ok", "tool_calls": None}}]},
    }
    assert not is_suspect(data, in_json(data), ["hunter2hunter2"])
