from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm.environment import environment_secrets, is_ordinary


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch):
    """Whatever secrets the owner of this machine has are none of these tests' business."""
    for name in set(environment_secrets().values()):
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "value",
    [
        "none",
        "a1b2c",
        "default",
        "CHANGEME",
        "Postgres",
        "not-needed",
        "lm-studio",
        "******",
        "100000",
        "2026-11-25",
        "127.0.0.1",
        "1.2.3",
        "/",
        "/usr/bin",
        "",
    ],
)
def test_what_stands_in_texts_by_itself_is_no_secret(monkeypatch, value):
    assert is_ordinary(value)
    monkeypatch.setenv("X_TOKEN", value)
    assert not environment_secrets()


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "tr0ub4dor",
        "xKqzVbn",
        "correct horse battery",
        "abcdefghijklm",
        "19850412",
        "p@ssword",
        "/not/a/path/that/exists/aB3",
        "schlüssel7",
        "x" * 5000 + "y",
    ],
)
def test_what_does_not_is_one(monkeypatch, value):
    monkeypatch.setenv("X_TOKEN", value)
    assert environment_secrets()[value] == "X_TOKEN"


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "OPENAI_API_KEY_2",
        "openai_apikey",
        "GITHUB_PAT",
        "PGPASSWORD",
        "DB_PASSWD",
        "MY_PWD",
        "SSH_PASSPHRASE",
        "MAIL_PASS",
        "AWS_SECRET_ACCESS_KEY",
        "CLIENT_SECRET",
        "BASIC_AUTH",
    ],
)
def test_names_of_secrets(monkeypatch, name):
    monkeypatch.setenv(name, "hunter2hunter2")
    assert environment_secrets() == {"hunter2hunter2": name}


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "MONKEY", "PATH", "KEYBOARD", "TOKENIZER", "AUTHOR"]
)
def test_other_names(monkeypatch, name):
    monkeypatch.setenv(name, "hunter2hunter2")
    assert not environment_secrets()


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("postgres://app_user1:pa55-word@host:5432/db", "pa55-word"),
        ("https://ghp_16C7e42F@github.com/a/b", "ghp_16C7e42F"),
        ("http://host/v1?api-key=zz-11-zz&x=1", "zz-11-zz"),
        ("host=db user=app_user1 password=pa55-word", "pa55-word"),
        ("Server=db;Uid=app_user1;Pwd=pa55-word;", "pa55-word"),
        ('[{"model": "m", "api_key": "conf-77-key"}]', "conf-77-key"),
        ('{"headers": {"Authorization": "Bearer conf-77-key"}}', "conf-77-key"),
    ],
    ids=lambda text: len(text),  # pytest puts the name of a test into the environment
)
def test_a_secret_within_the_value_of_any_variable(monkeypatch, value, secret):
    monkeypatch.setenv("ANYTHING", value)
    assert environment_secrets() == {secret: "ANYTHING"}


@pytest.mark.parametrize("value", ['{"api_key": ', "[1]", "{}", "://@", "a=b", "http://host/"])
def test_values_that_hold_none(monkeypatch, value):
    monkeypatch.setenv("ANYTHING", value)
    assert not environment_secrets()


def test_the_longest_comes_first(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "tok-77")
    monkeypatch.setenv("B_TOKEN", "tok-77-and-more-1")
    assert list(environment_secrets()) == ["tok-77-and-more-1", "tok-77"]


def test_a_change_of_the_environment_is_seen(monkeypatch):
    assert not environment_secrets()
    monkeypatch.setenv("A_TOKEN", "tok-77")
    assert list(environment_secrets()) == ["tok-77"]
    monkeypatch.delenv("A_TOKEN")
    assert not environment_secrets()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=6))
def test_escaped_and_quoted_it_is_the_same_secret(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_TOKEN", text)
        found = environment_secrets()
        if is_ordinary(text):
            return
        arguments = json.dumps({"key": text})
        for shown in (text, repr(text), arguments, json.dumps({"arguments": arguments})):
            assert any(secret in shown for secret in found)


def test_bytes_that_are_no_text_do_no_harm(monkeypatch):
    monkeypatch.setenv("A_TOKEN", b"caf\xe9-secret-1".decode("utf-8", "surrogateescape"))
    assert environment_secrets()
