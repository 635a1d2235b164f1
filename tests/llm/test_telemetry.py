"""Spans and metrics as the real SDK of OpenTelemetry gets them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading

import pytest

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm import LLM, Budget, Governor, LiteLLM, OpenAILLM, Reply, ScriptedLLM, Usage
from opto.llm.telemetry import VARIABLE
from opto.store import run
from tests.support.openai_server import fails, keeps_silent, says

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF


@pytest.fixture
def provider(monkeypatch):
    # The global provider can be set once a process, and would trace all other tests, too.
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield provider
    provider.shutdown()


@pytest.fixture
def spans(provider):
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter.get_finished_spans


@pytest.fixture
def measured(monkeypatch):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)

    def points():
        held = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: (metric.unit, list(metric.data.data_points)) for metric in held}

    yield points
    provider.shutdown()


def connected(server, **how):
    how = {"max_retries": 0, "base_delay": 0.01, "timeout": 5.0, **how}
    return OpenAILLM("tiny", base_url=server.url, api_key="sk-given-to-the-model", **how)


def test_a_span_says_who_was_asked_how_and_what_came_back(spans, server):
    server.script.append(says("Hello", usage=(5, 3), finish_reason="length"))
    connected(server, temperature=0.5)("hi", max_tokens=20, seed=7, stop="END", n=1)
    [span] = spans()
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    assert (span.name, span.kind) == ("chat tiny", trace.SpanKind.CLIENT)
    assert span.instrumentation_scope.name == "opto.llm"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "tiny",
        "gen_ai.request.max_tokens": 20,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.request.choice.count": 1,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.response.model": "tiny",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert span.status.is_ok
    assert span.end_time > span.start_time


def test_a_question_is_one_span_whatever_stands_around_the_model(spans, server, tmp_path):
    server.script += [fails(503), fails(503)]
    model = LLM(
        "tiny",
        backend="OpenAI",
        base_url=server.url,
        base_delay=0.01,
        journal=tmp_path / "journal.sqlite",
        cache=True,
        budget=Budget(calls=9),
        governor=Governor(concurrent=2),
    )
    assert [model("hi").recalled for _ in range(2)] == [False, True]
    first, second = spans()
    assert first.attributes["gen_ai.request.model"] == "tiny"
    assert first.attributes["gen_ai.usage.input_tokens"] == 11
    assert "opto.recalled" not in first.attributes
    # Whoever adds up what the spans say was used counts each token once.
    assert second.attributes["opto.recalled"] is True
    assert not [name for name in second.attributes if "usage" in name]
    model.journal.close()


def test_what_a_run_recalls_is_traced_as_recalled(spans, server, tmp_path):
    for _ in range(2):
        with run("greeting", journal=tmp_path / "journal.sqlite") as one:
            connected(server)("hi")
        one.journal.close()
    assert [span.attributes.get("opto.recalled") for span in spans()] == [None, True]


def test_spans_are_children_of_the_users_own(spans, provider, server):
    tracer = provider.get_tracer("mine")
    with tracer.start_as_current_span("step") as step:
        connected(server)("hi")
    asked, outer = spans()
    assert asked.parent.span_id == step.get_span_context().span_id
    assert asked.context.trace_id == outer.context.trace_id


def test_spans_of_tasks_are_children_of_their_own(spans, provider, server):
    tracer = provider.get_tracer("mine")
    model = connected(server)

    async def step(number):
        with tracer.start_as_current_span(f"step {number}"):
            await model.create_async(messages=f"question {number}")

    async def all_steps():
        await asyncio.gather(*map(step, range(8)))

    asyncio.run(all_steps())
    steps = {span.context.span_id: span for span in spans() if span.name != "chat tiny"}
    parents = [span.parent.span_id for span in spans() if span.name == "chat tiny"]
    assert len(steps) == 8
    assert sorted(parents) == sorted(steps)


def test_a_stream_is_a_span_that_tells_when_it_began(spans, provider, server):
    server.script.append(says("one two three four", trickle=0.02))
    mine = provider.get_tracer("mine")
    with mine.start_as_current_span("step") as step, connected(server).stream("hi") as stream:
        text = "".join(stream)
    assert text == "one two three four"
    [span] = [span for span in spans() if span.name == "chat tiny"]
    assert span.attributes["gen_ai.request.stream"] is True
    took = (span.end_time - span.start_time) / 1e9
    assert 0 < span.attributes["gen_ai.response.time_to_first_chunk"] <= took
    assert span.parent.span_id == step.get_span_context().span_id


@pytest.mark.parametrize(
    ("turn", "error", "kind"),
    [
        (fails(429), ModelUnavailable, "429"),
        (fails(400), ModelRefused, "400"),
        (fails(503), ModelUnavailable, "503"),
        (keeps_silent(3), ModelUnavailable, "openai.APITimeoutError"),
    ],
    ids=["429", "400", "503", "a timeout"],
)
def test_an_error_is_told_by_its_kind(spans, measured, server, turn, error, kind):
    server.script.append(turn)
    with pytest.raises(error):
        connected(server, timeout=0.3)("hi")
    [span] = spans()
    assert span.attributes["error.type"] == kind
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "tiny" in span.status.description
    [point] = measured()["gen_ai.client.operation.duration"][1]
    assert point.attributes["error.type"] == kind


def test_no_error_quotes_a_key(spans, monkeypatch, server):
    monkeypatch.setenv("MY_SERVICE_API_KEY", "hunter2hunter2")
    message = "the keys hunter2hunter2 and sk-given-to-the-model are bad"
    server.script.append(fails(401, message))
    with pytest.raises(ModelRefused):
        connected(server)("hi")
    [span] = spans()
    shown = span.to_json()
    assert "hunter2" not in shown
    assert "sk-given" not in shown
    assert span.events == ()


def test_no_error_quotes_half_a_key(spans, monkeypatch):
    monkeypatch.setenv("MY_SERVICE_API_KEY", "hunter2hunter2")
    for before in range(980, 1005):
        with pytest.raises(ModelUnavailable):
            Failing(f"{'x' * before}hunter2hunter2")("hi")
    assert not [span for span in spans() if "hunter" in span.status.description]


class Failing(LLM):
    def __init__(self, said):
        self.said = said

    def answer(self, request):
        raise ModelUnavailable(self.said)


def test_an_application_with_an_older_opentelemetry_is_measured_as_well(monkeypatch):
    recorded = []

    class Histogram:
        def record(self, amount, attributes):
            recorded.append(attributes)

    class Meter:
        def create_histogram(self, name, unit="", description=""):
            return Histogram()

    class Provider:
        def get_meter(self, name, version=None):
            return Meter()

    provider = Provider()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    ScriptedLLM([Reply("ok", usage=Usage(5, 3))])("hi")
    assert len(recorded) == 3


@pytest.mark.parametrize("value", ["", "false", "NO_CONTENT", "EVENT_ONLY"])
def test_what_was_said_is_not_told(spans, monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    ScriptedLLM(["a secret answer"])("a secret question")
    assert "secret" not in spans()[0].to_json()


@pytest.mark.parametrize("value", ["true", "SPAN_ONLY", "span_and_event"])
def test_what_was_said_is_told_on_request_without_secrets(spans, monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    monkeypatch.setenv("MY_SERVICE_API_KEY", "hunter2hunter2")
    monkeypatch.setenv("OTHER_TOKEN", "topsecret-one")
    model = ScriptedLLM([Reply("use topsecret-one", others=("or not",), finish_reason="stop")])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    model(
        [
            {"role": "system", "content": "The key is hunter2hunter2."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, picture]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "rain"},
        ]
    )
    [span] = spans()
    called = {"type": "tool_call", "id": "1", "name": "look", "arguments": "{}"}
    assert json.loads(span.attributes["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "The key is ***."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "hi"},
                {"type": "image_url", "left_out": "bytes"},
            ],
        },
        {"role": "assistant", "parts": [called]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "1", "response": "rain"}],
        },
    ]
    assert json.loads(span.attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": text}],
            "finish_reason": "stop",
        }
        for text in ("use ***", "or not")
    ]


def test_metrics_count_what_was_used_and_how_long_it_took(measured, server, tmp_path):
    server.otherwise = says("ok", usage=(5, 3))
    model = LLM("tiny", backend="OpenAI", base_url=server.url, cache=True, journal=tmp_path / "j")
    for text in ("one", "two", "one"):
        model(text)
    held = measured()
    unit, points = held["gen_ai.client.token.usage"]
    used = {point.attributes["gen_ai.token.type"]: point.sum for point in points}
    assert (unit, used) == ("{token}", {"input": 10, "output": 6})
    unit, points = held["gen_ai.client.operation.duration"]
    assert unit == "s"
    assert {p.attributes.get("opto.recalled"): p.count for p in points} == {None: 2, True: 1}
    assert points[0].explicit_bounds[:3] == pytest.approx((0.01, 0.02, 0.04))
    model.journal.close()


def test_the_price_is_told_where_the_backend_knows_it(spans):
    ScriptedLLM([Reply("ok", usage=Usage(5, 3, 0.25))])("hi")
    assert spans()[0].attributes["opto.cost_usd"] == 0.25


@pytest.mark.litellm
def test_litellms_providers_have_their_names(spans, server, warm_litellm):
    model = LiteLLM("openai/tiny", api_base=server.url, api_key="x")
    model("hi", response_format={"type": "json_object"})
    told = spans()[0].attributes
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.output.type"] == "json"
    assert told["server.address"] == "127.0.0.1"


def test_each_thread_has_its_own_span(spans, server):
    model = connected(server)
    threads = [threading.Thread(target=model, args=(f"{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spans()) == 8
    assert len({span.context.trace_id for span in spans()}) == 8


def test_what_is_not_sampled_is_not_described(monkeypatch, server):
    provider = TracerProvider(sampler=ALWAYS_OFF)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr("opto.llm.telemetry.answered", None)  # would fail if it were called
    assert connected(server)("hi").text == "ok"


def test_an_interrupted_question_ends_its_span(spans):
    class Interrupted(LLM):
        def answer(self, request):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted()("hi")
    assert spans()[0].attributes["error.type"] == "KeyboardInterrupt"


PLAIN = """
import sys
from opto.llm import ScriptedLLM
ScriptedLLM(["ok"])("hi")
sys.exit(" ".join(name for name in sys.modules if "opentelemetry" in name) or 0)
"""
TRACED = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opto.llm import ScriptedLLM
ScriptedLLM(["ok"])("before")
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
ScriptedLLM(["ok"])("after")
"""


def output(program):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_who_does_not_trace_loads_nothing():
    assert output(PLAIN) == ""


def test_an_application_that_traces_needs_to_do_nothing_more():
    assert json.loads(output(TRACED))["attributes"]["gen_ai.provider.name"] == "scripted"
