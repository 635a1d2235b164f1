from __future__ import annotations

import ssl
import traceback
from email.utils import formatdate
from time import time
from types import SimpleNamespace

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm.completion import NoCompletionError, checked
from opto.llm.failures import Failure, may_cost, scrub


class StatusError(Exception):
    def __init__(self, status, headers=(), body=None):
        super().__init__("what the provider said")
        self.status_code = status
        self.response = SimpleNamespace(headers=dict(headers))
        self.body = body


class BrokenError(Exception):
    """Stands for a client's own class."""


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529, 599])
def test_statuses_that_pass(status):
    assert Failure.of(StatusError(status)).transient


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 418])
def test_statuses_that_stay(status):
    assert not Failure.of(StatusError(status)).transient


@pytest.mark.parametrize("error", [TimeoutError("slow"), ConnectionResetError("gone")])
def test_the_network_passes(error):
    assert Failure.of(error).transient


def test_what_the_client_calls_broken_passes():
    assert Failure.of(BrokenError(), (BrokenError,)).transient
    assert not Failure.of(BrokenError()).transient


def test_an_empty_account_stays():
    assert not Failure.of(StatusError(429, body={"code": "insufficient_quota"})).transient
    assert Failure.of(StatusError(429, body={"code": "rate_limit_exceeded"})).transient


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ],
)
def test_retry_after_is_read(headers, wait):
    assert Failure.of(StatusError(429, headers)).wait == wait


def test_retry_after_may_be_a_date():
    soon = formatdate(time() + 30, usegmt=True)
    assert Failure.of(StatusError(503, {"retry-after": soon})).wait == pytest.approx(30, abs=2)
    past = formatdate(time() - 30, usegmt=True)
    assert Failure.of(StatusError(503, {"retry-after": past})).wait == 0.0


def test_the_error_says_who_how_often_and_why():
    failure = Failure.of(StatusError(429, {"retry-after": "7"}))
    error = failure.as_error("LiteLLM 'x'", 3, 12.2)
    assert type(error) is ModelUnavailable
    assert str(error) == (
        "LiteLLM 'x' did not answer after 3 attempts in 12 s: too many requests: a `Governor` "
        "paces them; it asks to wait 7 s (what the provider said); `patience=` and "
        "`max_retries=` give it more time"
    )
    error = Failure.of(StatusError(401)).as_error("LiteLLM 'x'", 1, 0.1)
    assert type(error) is ModelRefused
    assert str(error) == (
        "LiteLLM 'x' refused the request: the key is missing or wrong: look at `api_key=`, and "
        "at the variable (what the provider said)"
    )


def test_a_long_story_is_told_briefly():
    told = str(Failure(True, "busy", "word " * 1000).as_error("m", 1, 0))
    assert len(told) < 500
    assert " ...); " in told


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
def test_a_content_filter_is_told_from_a_wrong_request(code):
    failure = Failure.of(StatusError(400, body={"code": code}))
    assert not failure.transient
    assert "content filter" in failure.meaning
    assert "content filter" not in Failure.of(StatusError(400)).meaning


def test_a_code_says_nothing_where_the_server_itself_failed():
    assert Failure.of(StatusError(500, body={"code": "content_filter"})).transient


@pytest.mark.parametrize(
    "body", [["what"], "what", {"detail": "what"}, {"message": 7, "x": "what"}]
)
def test_a_body_of_any_shape_is_quoted(body):
    assert "what" in Failure.of(StatusError(400, body=body)).said.removeprefix(
        "what the provider said"
    )


def test_tls_where_there_is_none_is_no_matter_of_time():
    made = type("ConnectError", (Exception,), {})("[SSL: WRONG_VERSION_NUMBER]")
    made.__context__ = ssl.SSLError("[SSL: WRONG_VERSION_NUMBER]")
    assert not Failure.of(made).transient
    broke = type("ReadError", (ConnectionError,), {})("bad record")
    broke.__context__ = ssl.SSLError("bad record")
    assert Failure.of(broke).transient
    assert may_cost(broke)
    untrusted = type("ConnectError", (Exception,), {})("no")
    untrusted.__context__ = ssl.SSLCertVerificationError("self-signed")
    assert "certificate is not trusted" in Failure.of(untrusted).meaning


def test_keys_of_the_environment_are_taken_out_as_well(monkeypatch):
    monkeypatch.setenv("MY_DB_PASSWORD", "correct-horse-7")
    error = StatusError(401, body={"message": ["correct-horse-7"], "token": "any"})
    error.args = ("with correct-horse-7",)
    error.add_note("correct-horse-7") if hasattr(error, "add_note") else None
    assert Failure.of(error).said == "with *** {'message': ['***'], 'token': 'any'}"
    scrub(error)
    shown = "".join(traceback.format_exception(error)) + repr(error.body)
    assert "correct-horse-7" not in shown
    assert error.body == {"message": ["***"], "token": "***"}


def test_keys_are_taken_out_of_what_python_does_not_show():
    error = ValueError("outer")
    error.__cause__, error.__context__ = ValueError("hunter2"), ValueError("hunter2, too")
    scrub(error, ["hunter2"])
    assert (str(error.__cause__), str(error.__context__)) == ("***", "***, too")


def test_keys_are_taken_out_of_the_whole_chain():
    cause = ValueError("with hunter2 inside")
    error = StatusError(401)
    error.message = "hunter2 again"
    error.__cause__ = cause
    cause.__context__ = error  # a circle ends
    scrub(error, ["hunter2"])
    assert (str(cause), error.message) == ("with *** inside", "*** again")


def test_no_half_of_a_secret_is_left_where_an_answer_is_quoted(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    for before in (1990, 1995, 399, 395):
        with pytest.raises(NoCompletionError) as caught:
            checked("x" * before + "hunter2hunter2" + "y" * 3000)
        assert "hunter" not in str(caught.value)
        assert "hunter" not in str(Failure.of(caught.value).as_error("m", 1, 0.0))


def test_a_package_that_the_client_lacks_is_no_matter_of_time():
    failure = Failure.of(ModuleNotFoundError("No module named 'google'"))
    assert not failure.transient
    assert "install" in failure.meaning
