from __future__ import annotations

import asyncio

import pytest

from opto.errors import BudgetExceeded, ModelUnavailable, StoreError
from opto.llm import AutoGenLLM, OpenAILLM, Reply, Request
from opto.store import Claim, Entry
from opto.store.exchange import exchange

REQUEST = Request.of("What is the password?")


def kinds(journal):
    return [event.kind for event in journal.events()]


def echo(request):
    return request.messages[0]["content"]


def raising(error):
    def ask(request):
        raise error

    return ask


def entered(journal):
    claim = Claim("k", "elsewhere|1|1|token")
    assert journal.enter(Entry("request", "a question", "k"), claim.owner, 60)
    return claim


def test_the_reply_is_the_one_that_the_journal_holds(journal, monkeypatch):
    monkeypatch.setenv("MY_DB_PASSWORD", "hunter2-hunter2")
    told = Reply("It is hunter2-hunter2.")
    reply = exchange(journal, lambda request: told, REQUEST, key="k", run="r")
    assert reply.text == "It is ***."
    assert reply.request == REQUEST.digest
    assert [(e.kind, e.key, e.run) for e in journal.events()] == [
        ("request", "k", "r"),
        ("reply", "k", "r"),
    ]


def test_what_an_asker_returns_is_read(journal):
    assert exchange(journal, lambda request: "a text", REQUEST, key="k").text == "a text"


@pytest.mark.parametrize("error", [ModelUnavailable("no answer"), ValueError("a bug")], ids=repr)
def test_a_failure_is_written_down_and_raised(journal, error):
    claim = entered(journal)
    with pytest.raises(type(error)):
        exchange(journal, raising(error), REQUEST, key="k", claim=claim)
    assert kinds(journal) == ["request", "failure"]
    said = journal.last("failure").data
    assert (said["error"], said["message"]) == (type(error).__name__, str(error))
    assert journal.claim(Claim("k", "elsewhere|2|2|token"), 60)


@pytest.mark.parametrize(
    "error",
    [BudgetExceeded("too dear"), StoreError("full"), KeyboardInterrupt(), asyncio.CancelledError()],
    ids=repr,
)
def test_what_was_not_even_asked_has_not_failed(journal, error):
    claim = entered(journal)
    with pytest.raises(type(error)):
        exchange(journal, raising(error), REQUEST, key="k", claim=claim)
    assert kinds(journal) == ["request"]
    assert journal.claim(Claim("k", "elsewhere|2|2|token"), 60)


def test_a_reply_that_is_none_is_a_failure(journal):
    with pytest.raises(ValueError, match="without a choice"):
        exchange(journal, lambda request: {"choices": []}, REQUEST, key="k")
    assert kinds(journal) == ["request", "failure"]


def test_keys_that_were_given_are_not_written_down(journal, path):
    keys = ["abcd-one-1234", "abcd-two-1234", "abcd-three-1234"]
    here = {"base_url": "http://127.0.0.1:1/v1"}
    several = AutoGenLLM([{"model": "m", "api_key": key, **here} for key in keys[:2]])
    layered = type("Around", (), {"source": several})()
    request = Request.of(f"keys: {' '.join(keys)}", api_key=keys[2])
    for source in (layered, OpenAILLM("m", api_key=keys[0], **here)):
        exchange(journal, echo, request, key="k", source=source)
    first, second = (event.data for event in journal.events(kind="reply"))
    assert first["text"] == "keys: *** *** ***"
    assert second["text"] == f"keys: *** {keys[1]} ***"


def test_the_model_itself_hears_every_word(journal):
    heard = []
    request = Request.of("The key is abcd-one-1234.", api_key="abcd-one-1234")
    exchange(journal, lambda asked: heard.append(asked) or "yes", request, key="k")
    assert heard == [request]
    assert heard[0].messages[0]["content"] == "The key is abcd-one-1234."
