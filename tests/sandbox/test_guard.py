"""What looks like a secret is not copied."""

from __future__ import annotations

import numpy as np
import pytest

from opto.sandbox.guard import is_guarded, is_guarded_source


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "hunter2hunter2"),
        ("openai_key", "hunter2hunter2"),
        ("token", "abc123def456"),
        ("GITHUB_PAT", "abc123def456"),
        ("DB_PASSWD_2", "x9x9x9x9"),
        ("secret", b"hunter2hunter2"),
        ("words", "use sk-abcdefghijklmnopqrstuvwx please"),
        ("settings", {"password": "hunter2"}),
        ("nested", [{"a": ({"Authorization": "Bearer abcdefgh123"},)}]),
        ("url", "postgres://me:hunter2hunter2@localhost/db"),
    ],
)
def test_secrets(name, value):
    assert is_guarded(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort_key", "name"),
        ("max_tokens", 100),
        ("headers", ["name", "age"]),
        ("monkey", "hunter2hunter2"),
        ("compass", "north-by-2-west"),
        ("grid", {"a": [1, 2.5, None, float("nan")], "b": np.zeros(3)}),
        ("words", {"hello", "world"}),
        ("key", 5),
    ],
)
def test_plain_values(name, value):
    assert not is_guarded(name, value)


def test_secrets_of_the_environment_are_found_anywhere(monkeypatch):
    assert not is_guarded("notes", ["the word is xyzzy12345"])
    monkeypatch.setenv("MY_SERVICE_TOKEN", "xyzzy12345")
    assert is_guarded("notes", ["the word is xyzzy12345"])


@pytest.mark.parametrize(
    "line",
    [
        "sent = 'sk-abcdefghijklmnopqrstuvwxyz123456'",
        "password = 'hunter2hunter2'",
        "self.api_key: str = 'hunter2hunter2'",
        "ask(x, api_key=b'hunter2hunter2')",
        "ask({'password': 'hunter2hunter2'})",
        "(token := 'hunter2hunter2')",
        "g = lambda x, api_key='hunter2hunter2': x",
        "g = lambda *, y=1, api_key='hunter2hunter2': y",
    ],
)
def test_sources_with_secrets(line):
    assert is_guarded_source(f"def f(x):\n    {line}")


@pytest.mark.parametrize(
    "line",
    [
        "text = 'hunter2hunter2'",
        "password = x",
        "password: str",
        "a, b = 'hunter2hunter2', 3",
        "ask(sort_key='name', **{**x})",
        "g = lambda x, y=1, *, z, w='hunter2hunter2': x",
    ],
)
def test_sources_without(line):
    assert not is_guarded_source(f"def f(x):\n    {line}")
