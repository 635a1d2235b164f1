from __future__ import annotations

import copy
import pickle

import pytest

from opto.llm.secret import Secret, hide, is_secret


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "azure_ad_token",
        "azure_ad_token_provider",
        "aws_secret_access_key",
        "aws_access_key_id",
        "aws_session_token",
        "vertex_credentials",
        "client_secret",
        "extra_headers",
        "default_headers",
        "password",
    ],
)
def test_arguments_that_open_something(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "max_completion_tokens", "prompt_cache_key", "model", "temperature", "stop"],
)
def test_arguments_that_do_not(name):
    assert not is_secret(name)


def test_a_secret_stays_in_its_process():
    secret = Secret("hunter2")
    assert copy.deepcopy(secret).value == copy.copy(secret).value == "hunter2"
    assert pickle.loads(pickle.dumps(secret)).value is None  # noqa: S301
    assert "hunter2" not in repr(secret) + str(secret) + repr(pickle.dumps(secret))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no key here, ask-me later", "no key here, ask-me later"),
        ("Incorrect API key provided: sk-abc**********wxyz.", "Incorrect API key provided: ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("at http://user:pass@host:80/v1", "at http://***@host:80/v1"),
        ("it was hunter2", "it was ***"),
    ],
)
def test_keys_are_hidden(text, shown):
    assert hide(text, "hunter2", None, "") == shown
