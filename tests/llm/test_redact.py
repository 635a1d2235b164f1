from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm.redact import environment_secrets, named_secrets, redacted
from opto.llm.secret import KEY_IN_TEXT, hide


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "HF_TOKEN", "DB_PASSWORD", "AZURE_KEY", "aws_secret_access_key"]
)
def test_variables_that_are_named_as_secrets_are(monkeypatch, name):
    monkeypatch.setenv(name, "correct horse")
    assert redacted("a correct horse") == "a ***"
    monkeypatch.setenv(name, "battery-2")
    assert redacted("a correct horse, a battery-2") == "a correct horse, a ***"


@pytest.mark.parametrize(("name", "value"), [("EDITOR", "correct horse"), ("USE_TOKEN", "true")])
def test_other_variables_are_not(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert value not in environment_secrets()
    assert redacted(f"a {value}") == f"a {value}"


def test_a_secret_within_another_leaves_no_rest():
    assert redacted("key-5 and more", ["key-5 and", "key-5 and more"]) == "***"


def test_texts_are_found_wherever_they_stand():
    value = {"hunter2": [("hunter2", {"x hunter2"}), frozenset({"hunter2"}), b"a hunter2", 5]}
    assert redacted(value, ["hunter2"]) == {
        "***": [("***", {"x ***"}), frozenset({"***"}), b"a ***", 5]
    }
    assert redacted(bytearray(b"hunter2"), ["hunter2"]) == bytearray(b"***")


def test_what_stands_under_the_name_of_a_secret_goes():
    given = {"X-Api-Key": "a", "password": "b", "max_tokens": 5, "token": None, "headers": ["c"]}
    assert redacted(given) == given | {"X-Api-Key": "***", "password": "***"}


def test_the_schema_of_a_password_is_none():
    schema = {"properties": {"password": {"type": "string"}}}
    assert redacted(schema) == schema


def test_secrets_are_found_by_name_in_headers():
    given = {"model": "m", "headers": {"X-Api-Key": "a", "Accept": "json"}, "token": "Bearer b"}
    assert list(named_secrets(given)) == ["a", "b"]


pieces = st.sampled_from(
    ["sk-", "pk_", "rk-", "gsk_", "xai-", "hf_", "Bearer ", "https://u:pw@", "ask-", " ", "abcdef"]
)


@given(st.lists(pieces | st.text(max_size=8), max_size=8).map("".join))
def test_the_short_way_finds_what_the_pattern_finds(text):
    assert redacted(text) == hide(text)


def test_the_marks_belong_to_this_pattern():
    """Whoever widens the pattern looks at `opto.llm.redact.MARKS` as well."""
    assert KEY_IN_TEXT.pattern == (
        r"\b(?:sk|pk|rk|gsk|xai|hf)[-_][\w\-*.]{6,}|(?<=\bBearer )\S+|(?<=://)[^/@\s]+(?=@)"
    )
