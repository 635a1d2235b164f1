"""Each test asks a real server, through AutoGen's own client and again without AutoGen."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from opto.errors import ArgumentError, ModelMissing, ModelRefused, ModelUnavailable
from opto.llm import LLM, AutoGenLLM, Budget, Budgeted, LiteLLM, OpenAILLM, Request, renewed
from opto.llm.configs import auto_construct_oai_config_list_from_env
from opto.llm.live import Live
from opto.llm.packages import installed
from tests.support.openai_server import OpenAIServer, calls, fails, keeps_silent, says, truncates

with_autogen = pytest.mark.skipif(not installed("autogen"), reason="AutoGen 0.2 is not installed")


@pytest.fixture(params=[pytest.param("AutoGen", marks=with_autogen), "alone"], autouse=True)
def way(request, monkeypatch):
    """Through AutoGen, which must be what asked; or as if it were not installed."""
    if request.param == "alone":
        monkeypatch.setitem(sys.modules, "autogen", None)
        yield "alone"
        return
    yield "AutoGen"


@pytest.fixture
def two(server):
    """Two models on one server, told apart by their names."""
    entry = {"base_url": server.url, "api_key": "sk-any", "cache_seed": 41, "tags": ["t"]}
    return [{"model": "first", **entry}, {"model": "second", **entry}]


def asked(server):
    return [request.body["model"] for request in server.requests]


def test_the_first_model_answers(server, two, way):
    reply = AutoGenLLM(two)(messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "ok"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 7)
    assert asked(server) == ["first"]
    body = dict(server.requests[0].body)
    # AutoGen says to every server that it wants no stream: this is how it is known here.
    assert body.pop("stream", None) is (False if way == "AutoGen" else None)
    assert set(body) == {"messages", "model"}


def test_nothing_is_printed_logged_or_left_on_the_disk(server, two, capfd, caplog, tmp_path):
    # AutoGen's ways: a cache in the folder, a warning that the model is free, on stdout.
    AutoGenLLM(two)("hi")
    AutoGenLLM(two)("hi")
    assert len(server.requests) == 2
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("autogen")] == []


def test_a_program_that_asks_prints_nothing_and_leaves_nothing(server, two, tmp_path):
    program = f"from opto.llm import AutoGenLLM\nassert AutoGenLLM({two!r})('hi').text == 'ok'\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_autogen_is_imported_by_the_first_question(server, two):
    program = (
        "import sys\nfrom opto.llm import AutoGenLLM\n"
        f"AutoGenLLM({two!r})\nassert 'autogen' not in sys.modules and 'openai' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)


def test_the_next_one_answers_where_the_first_cannot(server, two):
    server.script += [fails(401), says("second best")]
    assert AutoGenLLM(two)("hi").text == "second best"
    server.script += [fails(500), fails(500), says("after all")]
    assert AutoGenLLM(two, max_retries=1, base_delay=0.01)("hi").text == "after all"
    assert asked(server) == ["first", "second", "first", "second", "first"]


@pytest.mark.parametrize("broken", [truncates(), says("x", kept=0.0)], ids=["cut", "empty"])
def test_what_is_no_answer_is_none(server, two, broken):
    model = AutoGenLLM(two, max_retries=0)
    server.script += [broken, says("second best"), broken, broken]
    assert model("hi").text == "second best"
    with pytest.raises(ModelUnavailable, match="what came is no answer of a model"):
        model("hi")
    assert len(server.requests) == 4


def test_when_none_can_the_last_error_is_raised(server, two):
    server.script += [fails(401), fails(500)]
    with pytest.raises(ModelUnavailable, match="second"):
        AutoGenLLM(two, max_retries=0)("hi")
    server.script += [fails(500), fails(401, "bad key sk-any-thing")]
    with pytest.raises(ModelRefused, match="second") as caught:
        AutoGenLLM(two, max_retries=0)("hi")
    assert "the key is missing or wrong" in str(caught.value)


def test_nobody_listens(two):
    two = [{**entry, "base_url": "http://127.0.0.1:1/v1"} for entry in two]
    with pytest.raises(ModelUnavailable, match="nothing listens at that address"):
        AutoGenLLM(two, max_retries=0)("hi")


def test_a_filter_chooses_among_the_models(server, two):
    assert AutoGenLLM(two, {"model": ["second"]})("hi").text == "ok"
    assert asked(server) == ["second"]
    with pytest.raises(ModelMissing, match=r"passes the filter {'model': \['third'\]}"):
        AutoGenLLM(two, {"model": ["third"]})


def test_create_is_what_the_original_calls(server, two):
    reply = AutoGenLLM(two).create(
        messages=[{"role": "user", "content": "hi"}], temperature=0.5, cache_seed=7
    )
    assert reply.choices[0].message.content == "ok"
    assert server.requests[0].body["temperature"] == 0.5
    assert "cache_seed" not in server.requests[0].body


def test_a_question_goes_before_an_entry_and_an_entry_before_all(server, two):
    two[0] |= {"temperature": 0.25, "top_k": 3}
    model = AutoGenLLM(two, temperature=0.75)
    model("hi")
    model("hi", temperature=0.5, min_p=0.1, model="third", extra_body={"x": 1})
    first, second = (dict(request.body) for request in server.requests)
    assert (first["temperature"], first["top_k"]) == (0.25, 3)
    said = {"temperature": 0.5, "top_k": 3, "min_p": 0.1, "model": "third", "x": 1}
    assert {name: second[name] for name in said} == said


def test_what_is_asked_arrives_as_it_is(server, two):
    server.script += [calls(("add", {"a": 1})), says("3", finish_reason="length")]
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "1 + 2?"}, picture]}]
    model = AutoGenLLM(two)
    reply = model(messages=messages, tools=[tool], response_format=schema)
    message = reply.choices[0].message
    assert message.tool_calls[0].function.name == "add"
    result = {"role": "tool", "tool_call_id": "call_0", "content": "3"}
    last = model(messages=[*messages, message, result], n=2)
    assert (last.text, last.others, last.finish_reason) == ("3", ("3",), "length")
    first, second = (request.body for request in server.requests)
    assert (first["messages"], first["tools"], first["response_format"]) == (
        messages,
        [tool],
        schema,
    )
    assert json.loads(second["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"a": 1}


@pytest.mark.parametrize(
    ("price", "cost"), [([1.0, 2.0], 0.025), (1.0, 0.018), ((0, 0), 0.0), (None, None)]
)
def test_the_price_of_a_configuration_is_the_cost(server, two, price, cost):
    two[1]["price"] = price
    server.script += [fails(401), says("second best")]
    assert AutoGenLLM(two)("hi").usage.cost_usd == pytest.approx(cost)


def test_a_price_is_two_numbers(two):
    with pytest.raises(ArgumentError, match="two numbers"):
        AutoGenLLM([{**two[0], "price": [1.0, 2.0, 3.0]}])


@pytest.mark.parametrize(
    ("name", "why"),
    [("cache", "CVE"), ("api_rate_limit", "governor"), ("model_client_cls", "subclass")],
)
def test_what_is_not_taken_is_refused_with_the_reason(server, two, name, why):
    with pytest.raises(ArgumentError, match=f"'{name}' in a configuration.*{why}"):
        AutoGenLLM([{**two[0], name: 3}])
    with pytest.raises(ArgumentError, match=f"'{name}' in a question.*{why}"):
        AutoGenLLM(two)("hi", **{name: 3})
    assert AutoGenLLM([{**two[0], name: None}])("hi", **{name: None}).text == "ok"


def test_what_only_autogen_understands(server, two, way):
    def long_enough(context, response):
        return len(response.choices[0].message.content) >= context["least"]

    model, arguments = AutoGenLLM(two), {"filter_func": long_enough, "context": {"least": 4}}
    if way == "alone":
        with pytest.raises(ArgumentError, match="context, filter_func: understood by AutoGen"):
            model("hi", **arguments)
        return
    server.script += [says("no"), says("long enough")]
    assert model("hi", **arguments).text == "long enough"
    assert asked(server) == ["first", "second"]


def test_a_time_limit_ends_the_question(server, two):
    server.script += [keeps_silent(), says("second best")]
    two[0]["timeout"] = 0.3
    start = time.monotonic()
    assert AutoGenLLM(two)("hi").text == "second best"
    assert time.monotonic() - start < 5
    assert server.leaves(1)
    server.script += [keeps_silent(), keeps_silent()]
    with pytest.raises(ModelUnavailable, match="it took too long"):
        AutoGenLLM(two, max_retries=0)("hi", timeout=0.3)


def test_drops_do_not_outlast_the_time_limit(server, two):
    server.otherwise = says("drop by drop", trickle=0.2)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="it took too long"):
        AutoGenLLM(two[:1], max_retries=0, timeout=0.5)("hi")
    assert time.monotonic() - start < 1.5


def test_cancelling_closes_the_connection(server, two):
    server.otherwise, live = keeps_silent(), Live()
    threading.Timer(0.3, live.cancel).start()
    with pytest.raises(asyncio.CancelledError):
        AutoGenLLM(two).answer(replace(Request.of("hi"), live=live))
    assert server.leaves(1)
    assert asked(server) == ["first"]


def test_a_task_that_is_cancelled_asks_nobody_else(server, two):
    server.otherwise = keeps_silent()

    async def impatient():
        await asyncio.wait_for(AutoGenLLM(two).create_async(messages="hi"), 0.5)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(impatient())
    assert server.leaves(1)
    assert asked(server) == ["first"]


def test_text_comes_in_pieces(server, two):
    server.otherwise = says("one two three")
    stream = AutoGenLLM(two).stream("hi")
    assert list(stream) == ["one", " two", " three"]
    assert stream.reply.text == "one two three"


def test_each_attempt_counts(server, two):
    # What came broken may have been paid for; what a server failed to answer was not.
    server.script += [truncates(), truncates(), fails(500), fails(500), says("after all")]
    budget = Budget(calls=9)
    model = Budgeted(AutoGenLLM(two, base_delay=0.01), budget)
    assert model("hi").text == "after all"
    assert budget.left["calls"] == 7


def test_many_threads_share_the_connections(server, two):
    model, answers = AutoGenLLM(two), []

    def ask(number):
        answers.append(model(f"{number}").text)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["ok"] * 16


def test_limits_that_a_server_tells_are_heard(server, two):
    server.script += [says("ok", headers={"X-RateLimit-Remaining-Requests": "7"})]
    raw = AutoGenLLM(two)("hi").raw
    assert raw._response_headers["x-ratelimit-remaining-requests"] == "7"


def test_clients_are_made_anew_when_they_are_old(server, two, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(renewed, "monotonic", lambda: now[0])
    for entry in two:
        del entry["api_key"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-old")
    model = AutoGenLLM(two, reset_freq=60)
    model("hi")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-new")
    now[0] = 61.0
    model("hi")
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer sk-old", "Bearer sk-new"]


def test_a_key_may_be_a_function_and_a_question_may_have_its_own(server, two):
    two[0]["api_key"] = lambda: "sk-of-a-function"
    model = AutoGenLLM(two)
    model("hi")
    with OpenAIServer(otherwise=says("elsewhere")) as other:
        reply = model("hi", api_base=other.url, api_key="sk-yours", headers={"X-Way": "1"})
        assert reply.text == "elsewhere"
        [there] = other.requests
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-a-function"
    assert (there.headers["authorization"], there.headers["x-way"]) == ("Bearer sk-yours", "1")
    assert "api_key" not in there.body


def test_without_a_key_openai_is_not_even_asked():
    with pytest.raises(ModelRefused, match="set OPENAI_API_KEY, or give api_key="):
        AutoGenLLM([{"model": "gpt-4o"}])("hi")


def test_pieces_are_not_asked_for_by_an_argument(two):
    with pytest.raises(ArgumentError, match="leave out stream=True"):
        AutoGenLLM(two)("hi", stream=True)


def place_file(server, two, monkeypatch, tmp_path):
    (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(two))


def place_named_file(server, two, monkeypatch, tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(two))
    monkeypatch.setenv("OAI_CONFIG_LIST", "mine.json")


def place_text(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OAI_CONFIG_LIST", json.dumps(two))


def place_key(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)


def place_built(server, two, monkeypatch, tmp_path):
    monkeypatch.setenv("OAI_CONFIG_LIST", "")  # so that it is taken back after the test
    place_key(server, two, monkeypatch, tmp_path)
    assert auto_construct_oai_config_list_from_env()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (place_file, "first"),
        (place_named_file, "first"),
        (place_text, "first"),
        (place_key, "gpt-4o"),
        (place_built, "gpt-4o"),
    ],
)
def test_configurations_are_found(server, two, monkeypatch, tmp_path, place, name):
    monkeypatch.chdir(tmp_path)
    place(server, two, monkeypatch, tmp_path)
    monkeypatch.setenv("TRACE_DEFAULT_LLM_BACKEND", "AutoGen")
    model = LLM()
    assert type(model) is AutoGenLLM
    assert model("hi").text == "ok"
    assert asked(server) == [name]
    assert server.requests[0].headers["authorization"] == "Bearer sk-any"


@pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed")
@pytest.mark.parametrize(
    ("api_type", "name"),
    [("anthropic", "anthropic/m"), ("azure", "azure/m"), ("google", "gemini/m")],
)
def test_other_providers_are_asked_through_litellm(api_type, name):
    config = {"model": "m", "api_type": api_type, "base_url": "http://127.0.0.1:1"}
    [model] = AutoGenLLM([config]).models
    assert (type(model), model.model_name) == (LiteLLM, name)
    assert model.defaults["api_base"] == "http://127.0.0.1:1"


def test_schemas_are_enforced_if_all_do(two):
    two[0]["enforces_schema"] = True
    assert not AutoGenLLM(two).enforces_schema
    two[1]["enforces_schema"] = True
    assert AutoGenLLM(two).enforces_schema


def test_keys_stay_in_the_process(server, two):
    two[0]["api_key"] = "sk-hunter2"
    model = AutoGenLLM(two)
    reply = model("hi")
    assert "hunter2" not in repr(model.models) + repr(pickle.dumps(model))
    assert "hunter2" not in repr(reply.raw) + repr(pickle.dumps(reply))
    assert isinstance(model.models[0], OpenAILLM)
    server.script += [fails(401, "no such key: sk-hunter2")] * 2
    with pytest.raises(ModelRefused) as caught:
        model("hi")
    shown = [caught.value]
    while shown[-1].__cause__ is not None:
        shown.append(shown[-1].__cause__)
    assert "hunter2" not in " ".join(f"{error} {error.args}" for error in shown)


def test_copies_ask_as_well(server, two, monkeypatch):
    model = AutoGenLLM(two)
    model("hi")
    assert copy.deepcopy(model)("hi").text == "ok"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    there = pickle.loads(pickle.dumps(model))  # noqa: S301 - it is our own
    assert there("hi").text == "ok"
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer sk-any", "Bearer sk-any", "Bearer sk-of-the-environment"]


def test_a_reply_answers_its_question(server, two):
    request = Request.of("hi", temperature=0.5)
    assert AutoGenLLM(two).answer(request).request == request.digest
