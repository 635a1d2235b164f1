from __future__ import annotations

import json
import time
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm import Request
from opto.llm.redact import environment_secrets, named_secrets, redacted, without_secrets
from opto.llm.secret import KEY_IN_QUERY, KEY_IN_TEXT, hide


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


KEYS = (
    "sk- pk_live_ rk_test_ gsk_ xai- hf_ https://u:pw@ http://h?key=a1 &token=b ask- abcdef AB12cd"
)
pieces = st.sampled_from([*KEYS.split(), "Bearer ", "Authorization: Bearer ", " "])


@given(st.lists(pieces | st.text(max_size=8), max_size=8).map("".join))
def test_the_short_way_finds_what_the_pattern_finds(text):
    assert redacted(text) == hide(text)


def test_the_marks_belong_to_these_patterns():
    """Whoever widens a pattern looks at `opto.llm.redact.MARKS` as well."""
    assert KEY_IN_TEXT.pattern == (
        r"\b(?:sk-|gsk_|xai-|[spr]k_(?:live|test)_|hf_(?=\w{0,60}[0-9A-Z]))[\w\-*.]{6,}"
        r"|(?<=\bBearer )(?=[^\s\d*]{0,200}[\d*])\S{6,}|(?<=uthorization: Bearer )\S+"
        r"|(?<=://)[^/@\s]+(?=@)"
    )
    assert KEY_IN_QUERY.pattern.startswith("([?&]")  # searched for in addresses only


def test_what_only_looks_like_a_key_stays():
    said = "pk_customer, hf_transfer_speed and sk-learn want Bearer tokens at http://h?page=7"
    assert redacted(said) == said


def test_many_beginnings_of_keys_take_no_longer_than_any_text():
    for piece in ("sk-", "hf_", "Bearer ", "://", "?a", "hf_abcdef", "https://u:"):
        text = f"{piece * (200_000 // len(piece))} :// "
        start = time.perf_counter()
        redacted(text)
        assert time.perf_counter() - start < 1.0


def test_a_question_without_secrets_is_the_same_object(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    request = Request.of(
        [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        tools=[{"function": {"name": "f"}}],
        response_format={"type": "json_object"},
    )
    assert without_secrets(request) is request


class Part:
    """As a client's own object stands in a message."""

    def __init__(self, text):
        self.text = text

    def model_dump(self, *, exclude_none):
        return {"type": "text", "text": self.text}


def test_secrets_are_taken_out_of_every_part_of_a_question(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    leak = "it is hunter2hunter2!"
    call = {"function": {"name": "f", "arguments": json.dumps({"key": leak})}}
    request = Request.of(
        [
            {"role": "user", "content": leak, leak: 1},
            {"role": "user", "content": [{"type": "text", "text": leak}, Part(leak), Part("hi")]},
            {"role": "assistant", "content": None, "tool_calls": (call,)},
        ],
        response_format={"schema": {"default": leak}},
        user=leak,
        tools=[{"description": leak, "headers": {"Authorization": leak}}],
        api_key=leak,
        extra_headers={"X": leak},
    )
    clean = without_secrets(request)
    assert clean.messages[0] == {"role": "user", "content": "it is ***!", "it is ***!": 1}
    assert clean.messages[1]["content"][:2] == [{"type": "text", "text": "it is ***!"}] * 2
    assert clean.messages[1]["content"][2].text == "hi"
    assert clean.messages[2]["tool_calls"][0]["function"]["arguments"] == '{"key": "it is ***!"}'
    assert clean.response_format == {"schema": {"default": "it is ***!"}}
    # What carries a key by its name is meant to be sent.
    tool = {"description": "it is ***!", "headers": {"Authorization": leak}}
    sent = {"user": "it is ***!", "tools": [tool], "api_key": leak, "extra_headers": {"X": leak}}
    assert clean.extra == sent


def test_what_only_pretends_to_be_a_model_of_pydantic_stays(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    request = Request.of("hi", http_client=Mock(), client=[Mock()], response_format=Part)
    assert without_secrets(request) is request


def test_it_is_said_once_for_each_variable(monkeypatch, caplog):
    monkeypatch.setenv("ONCE_SAID_KEY", "hunter2hunter2")
    monkeypatch.setenv("ALSO_SAID_KEY", "hunter3hunter3")
    for _ in range(3):
        without_secrets(Request.of("hunter2hunter2"))
    without_secrets(Request.of("hunter3hunter3 and hunter2hunter2"))
    said = [record.getMessage() for record in caplog.records]
    assert [name in text for name, text in zip(["ONCE_SAID", "ALSO_SAID"], said, strict=True)]
    assert "hunter" not in caplog.text


def test_fifty_kilobytes_take_no_time(monkeypatch):
    for number in range(8):
        monkeypatch.setenv(f"NUMBER_{number}_API_KEY", f"sk-{number}-{number**9 + 123456789}")
    request = Request.of("what is said about the weather in spring, " * 1200)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        without_secrets(request)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.000_5  # 0.1 ms on a machine with nothing else to do
