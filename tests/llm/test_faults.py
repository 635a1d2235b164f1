"""What happens to each client when its provider fails: the table of `docs/asking.md`."""

from __future__ import annotations

import json
import logging
import socket
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate

import pytest

from opto.errors import ModelError, ModelRefused, ModelUnavailable
from opto.llm import LiteLLM, OpenAILLM, Reply
from opto.llm.failures import may_cost, sent_back
from opto.llm.signals import Signals
from opto.optimizers import OptoPrime
from opto.trace import node
from tests.llm.conftest import KEY
from tests.support.faults import BIG, CLOSED, NOWHERE, PLAIN, ROWS
from tests.support.faulty_server import Fault, FaultyServer, completion

pytest.importorskip("openai")
# LiteLLM reads some of these answers into models that they do not fit.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


def through_openai(url, **how):
    return OpenAILLM("tiny", base_url=url, **QUICK | how)


def through_litellm(url, **how):
    return LiteLLM("openai/tiny", api_base=url, **QUICK | how)


CLIENTS = [
    "openai",
    pytest.param("openai by httpx", marks=pytest.mark.slow),
    pytest.param("litellm", marks=pytest.mark.litellm),
]


@pytest.fixture(params=CLIENTS)
def connect(request, monkeypatch):
    """Makes a model that asks at an address, through each of the clients in turn."""
    if request.param == "openai by httpx":  # what it sends by where there is no aiohttp
        monkeypatch.setattr("opto.llm.openai._carrier", lambda: None)
    if request.param.startswith("openai"):
        return through_openai
    request.getfixturevalue("warm_litellm")
    return through_litellm


QUICK = {"api_key": KEY, "base_delay": 0.01, "max_retries": 1}


def each(rows):
    return pytest.mark.parametrize("row", rows, ids=[row.what for row in rows])


@contextmanager
def happening(fault, *then):
    """Where it happens, and the requests that were seen there; None where nobody can count."""
    if fault == NOWHERE:
        yield "http://models.invalid/v1", None
    elif fault == CLOSED:
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))  # and does not listen
            yield f"http://127.0.0.1:{door.getsockname()[1]}/v1", None
    elif fault == PLAIN:
        with FaultyServer(Fault()) as server:
            yield server.url.replace("http:", "https:"), None
    else:
        with FaultyServer(_dated(fault), *then) as server:
            yield server.url, server.requests


def _dated(fault):
    if fault.headers.get("Retry-After") != "in 2 seconds":
        return fault
    return replace(fault, headers={"Retry-After": formatdate(time.time() + 2, usegmt=True)})


@each(ROWS)
def test_what_lasts(connect, row):
    start = time.monotonic()
    with happening(row.fault) as (url, requests):
        model = connect(url, timeout=row.timeout)
        if row.result is Reply:
            check_reply(model("hi"), row)
        else:
            with pytest.raises(ModelError) as caught:
                model("hi")
            check_error(caught.value, row)
    attempts = 2 if row.again else 1
    assert requests is None or len(requests) == attempts
    assert row.waits <= time.monotonic() - start < 2 * row.timeout * attempts


def check_reply(reply, row):
    said = (reply.text, f'finish_reason == "{reply.finish_reason}"')
    assert row.says in said
    assert reply.usage.total_tokens == 18
    assert row.paid


def check_error(error, row):
    assert type(error) is row.result
    assert row.says in str(error)
    assert ("after 2 attempts" in str(error)) == row.again
    assert may_cost(error) == row.paid
    assert len(str(error)) < 800
    assert KEY not in str(error)
    assert isinstance(error.__cause__, Exception)


@each([row for row in ROWS if isinstance(row.fault, Fault)])
def test_what_passes(connect, row):
    with happening(row.fault, Fault()) as (url, requests):
        model = connect(url, timeout=row.timeout)
        if row.again:
            assert model("hi").text == "ok"
        elif row.result is not Reply:
            with pytest.raises(row.result):
                model("hi")
        else:
            model("hi")
    assert len(requests) == (2 if row.again else 1)


def is_told_by_status(row):
    return isinstance(row.fault, Fault) and row.fault.status not in {200, 429}


@each([row for row in ROWS if row.result is not Reply and not is_told_by_status(row)])
def test_what_lasts_of_a_stream(connect, row):
    with happening(row.fault) as (url, requests):
        stream = connect(url, timeout=row.timeout).stream("hi")
        with pytest.raises(ModelError) as caught:
            list(stream)
        check_error(caught.value, row)
    assert requests is None or len(requests) == (2 if row.again else 1)


ANTHROPICS = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }
).encode()


@pytest.fixture
def claude(warm_litellm):
    """Makes a model of a provider that does not speak OpenAI's API."""
    return lambda url, **how: LiteLLM(
        "anthropic/claude", api_base=url.removesuffix("/v1"), **QUICK | how
    )


def told_by_openai(row):
    """Whether only OpenAI tells of it in this form."""
    return row.result is Reply or (isinstance(row.fault, Fault) and b'"code": "' in row.fault.body)


@pytest.mark.litellm
@each([row for row in ROWS if not told_by_openai(row)])
def test_what_lasts_at_another_provider(claude, row):
    with happening(row.fault) as (url, requests), pytest.raises(ModelError) as caught:
        claude(url, timeout=row.timeout)("hi")
    check_error(caught.value, row)
    assert requests is None or len(requests) == (2 if row.again else 1)


@pytest.mark.litellm
@each([row for row in ROWS if row.again and isinstance(row.fault, Fault)])
def test_what_passes_at_another_provider(claude, row):
    with happening(row.fault, Fault(body=ANTHROPICS)) as (url, requests):
        assert claude(url, timeout=row.timeout)("hi").text == "ok"
    assert len(requests) == 2


@pytest.mark.litellm
@pytest.mark.parametrize(
    ("reason", "told"), [("max_tokens", "length"), ("refusal", "content_filter")]
)
def test_another_providers_reasons_to_stop(claude, reason, told):
    with FaultyServer(Fault(body=ANTHROPICS.replace(b"end_turn", reason.encode()))) as server:
        reply = claude(server.url)("hi")
    assert (reply.text, reply.finish_reason, reply.usage.total_tokens) == ("ok", told, 18)


@pytest.mark.litellm
def test_another_providers_words_for_a_prompt_that_is_too_long(claude):
    said = {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}
    body = json.dumps({"type": "error", "error": said}).encode()
    with (
        FaultyServer(Fault(400, body)) as server,
        pytest.raises(ModelRefused, match="longer than this model reads"),
    ):
        claude(server.url)("hi")


@pytest.mark.litellm
@pytest.mark.usefixtures("warm_litellm")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("openai/tiny", "there is no key.*OPENAI_API_KEY"),
        ("gemini/tiny", "there is no key.*GEMINI_API_KEY"),
        ("anthropic/claude", "key is missing.*ANTHROPIC_API_KEY"),
        ("a-model-that-nobody-has", "does not take this request.*Provider NOT provided"),
    ],
)
def test_what_litellm_itself_lacks_is_asked_for_once(name, says):
    with FaultyServer(Fault()) as server, pytest.raises(ModelRefused, match=says) as caught:
        LiteLLM(name, api_base=server.url, base_delay=0.01, max_retries=2)("hi")
    assert server.requests == []
    assert not may_cost(caught.value)


def test_a_server_that_comes_back_is_found(connect, caplog):
    """The connection is refused until the model says that it will try again."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    model = connect(f"http://127.0.0.1:{port}/v1", max_retries=9, base_delay=0.1, timeout=5)
    opened = []

    class Opening(logging.Handler):
        def emit(self, record):
            if not opened and "attempt 3 follows" in record.getMessage():
                opened.append(FaultyServer(Fault(), port=port).__enter__())

    caplog.set_level(logging.INFO, "opto.llm")
    handler = Opening()
    logging.getLogger("opto.llm").addHandler(handler)
    try:
        assert model("hi").text == "ok"
    finally:
        logging.getLogger("opto.llm").removeHandler(handler)
        for server in opened:
            server.__exit__()
    assert len(opened) == 1
    assert "nothing listens at that address" in caplog.text


def test_an_address_is_told_without_what_opens_it(connect):
    with pytest.raises(ModelUnavailable, match=r"\(models\.invalid: ") as caught:
        connect("http://models.invalid/v1?api-version=1&code=hunter2", max_retries=0)("hi")
    assert "hunter2" not in str(caught.value)


def test_what_the_program_is_handling_is_no_reason(connect):
    """A second model is asked because nobody could be asked first."""
    with FaultyServer(Fault(ending="silent")) as silent:
        second = connect(silent.url, max_retries=0, timeout=0.5)
        try:
            connect("http://models.invalid/v1", max_retries=0)("hi")
        except ModelUnavailable:
            with pytest.raises(ModelUnavailable, match="gives it more time") as caught:
                second("hi")
    assert may_cost(caught.value)
    with FaultyServer(Fault(body=completion(choices=[None]))) as garbling:
        second = connect(garbling.url, max_retries=0)
        try:
            connect("http://models.invalid/v1", max_retries=0)("hi")
        except ModelUnavailable:
            with pytest.raises(ModelUnavailable, match="no answer of a model") as caught:
                second("hi")
    assert may_cost(caught.value)


@pytest.mark.parametrize("usage", ["none", {"prompt_tokens": "x"}, None, {}, [1]])
def test_a_usage_that_makes_no_sense_spoils_no_answer(usage):
    with FaultyServer(Fault(body=completion(usage=usage))) as server:
        reply = OpenAILLM("tiny", base_url=server.url, **QUICK)("hi")
    assert (reply.text, reply.usage.total_tokens) == ("ok", 0)


def test_the_status_of_a_server_behind_the_server_is_read():
    """OpenRouter sends the errors of others with status 200."""
    told = b'{"error": {"message": "slow down", "code": 429}}'
    with FaultyServer(Fault(body=told)) as server:
        model = OpenAILLM("tiny", base_url=server.url, **QUICK)
        with pytest.raises(ModelUnavailable, match=r"too many requests.*slow down") as caught:
            model("hi")
    assert len(server.requests) == 2
    assert not may_cost(caught.value)


def test_forty_megabytes_take_a_moment_and_a_few_times_their_size(connect):
    with FaultyServer(Fault(body=completion("x" * BIG))) as server:
        model = connect(server.url, timeout=20)
        tracemalloc.start()
        start = time.monotonic()
        reply = model("hi")
        seconds, (_, peak) = time.monotonic() - start, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(reply.text) == BIG
    assert seconds < 10
    assert peak < 6 * BIG


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, b"x y" * (BIG // 3)),
        Fault(body=b"<html>" * (BIG // 6), headers={"Content-Type": "text/html"}),
        Fault(body=b'{"answer": "' + b"x y" * (BIG // 3) + b'"}'),
    ],
    ids=["an error", "a page", "another shape"],
)
def test_forty_megabytes_of_anything_else_take_a_moment_as_well(fault):
    """Without LiteLLM, which itself looks for keys in an error of that size for minutes."""
    start = time.monotonic()
    with FaultyServer(fault) as server, pytest.raises(ModelUnavailable) as caught:
        OpenAILLM("tiny", base_url=server.url, timeout=20, **QUICK)("hi")
    assert time.monotonic() - start < 15
    assert len(str(caught.value)) < 800
    link = caught.value
    while link is not None:
        assert len(f"{link} {vars(link)}") < 100_000
        link = link.__cause__ or link.__context__


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.result is Reply], ids=lambda row: row.what
)
def test_a_step_of_an_optimizer_survives_every_reply(row):
    """What is no answer to its question is asked for once more, and then said to be none."""
    with FaultyServer(row.fault) as server:
        x = node(3, name="x", trainable=True)
        optimizer = OptoPrime([x], llm=OpenAILLM("tiny", base_url=server.url, **QUICK))
        optimizer.zero_feedback()
        optimizer.backward(x * 2, "larger")
        update = optimizer.step()
    assert (x.data, update.changes) == (3, ())
    assert update.failure
    assert len(server.requests) == len(update.replies) == 2


def test_a_refusal_costs_nothing_and_a_lost_answer_may():
    assert not may_cost(ModelRefused("no"))
    assert may_cost(ModelUnavailable("somebody's own model gave up"))
    assert may_cost(KeyboardInterrupt())


@pytest.mark.parametrize("status", [429, 529])
def test_a_governor_hears_of_it(connect, status):
    heard_of(connect, status)


@pytest.mark.litellm
@pytest.mark.parametrize("status", [429, 529])
def test_a_governor_hears_of_it_at_another_provider(claude, status):
    """LiteLLM makes a 500 of Anthropic's 529, which is no word about the pace."""
    heard_of(claude, status)


def heard_of(connect, status):
    limits = {"Retry-After": "3", "x-ratelimit-limit-requests": "60"}
    with (
        FaultyServer(Fault(status, b"{}", limits)) as server,
        pytest.raises(ModelUnavailable) as caught,
    ):
        connect(server.url, max_retries=0)("hi")
    told = Signals.of_error(caught.value)
    assert (told.refused, told.wait, told.requests.limit) == (True, 3.0, 60.0)
    assert sent_back(caught.value)[0] == status
