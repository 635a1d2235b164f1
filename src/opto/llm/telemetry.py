"""OpenTelemetry's spans and metrics of questions, where the application traces."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from inspect import signature
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.llm.genai import answered, asked, content, kind_of, route, secrets_of
from opto.llm.redact import redacted
from opto.version import __version__

if TYPE_CHECKING:
    from opto.llm.around import Ask
    from opto.llm.types import Reply, Request

__all__ = ["traced"]

SCOPE = "opto.llm"
VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
IN_SPANS = frozenset({"true", "1", "span_only", "span_and_event"})
LONGEST_ERROR, LONGEST_MESSAGE = 20_000, 1000
# As the conventions ask for.
SECONDS = [0.01 * 2**power for power in range(14)]
TOKENS = [4**power for power in range(14)]


def traced(llm: Any, request: Request, ask: Ask) -> Reply:
    """Answer a question within a span named ``chat {model}``, see `opto.llm.around.Around`.

    The span is of the whole question: waiting, retries, and layers. It says who was asked,
    how, what came back, and in ``error.type`` what went wrong: an HTTP status, or the class
    of the client's exception. What came out of a record has ``opto.recalled`` and no usage,
    since nothing was used. What was said is in it only where
    ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` is ``true``, ``SPAN_ONLY`` or
    ``SPAN_AND_EVENT``, and then without secrets.

    It is to be called only where ``opentelemetry.trace`` is imported already: whoever has
    not asked for traces pays nothing. Where nobody set up an SDK, nothing comes of it.

    Source: OpenTelemetry semantic conventions for generative AI, as of 1.42 (2026).
    """
    from opentelemetry import trace  # lazy: an optional package, loaded by the application

    named = route(llm, request)
    name = f"chat {named['gen_ai.request.model']}" if "gen_ai.request.model" in named else "chat"
    tracer = _tracer(trace.get_tracer_provider())
    with tracer.start_as_current_span(
        name,
        kind=trace.SpanKind.CLIENT,
        attributes=named,
        # Both would quote the exception as it is, with whatever the provider said.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        return _answered(_Question(span, llm, request, named), ask)


class _Question:
    """What is told of one question, as far as anybody listens."""

    def __init__(self, span: Any, llm: Any, request: Request, named: dict[str, Any]) -> None:
        self.span, self.llm, self.request, self.named = span, llm, request, named
        self.listens = span.is_recording()
        self.shows = self.listens and os.environ.get(VARIABLE, "").casefold() in IN_SPANS
        self.began = monotonic()

    def begin(self) -> None:
        """Tell how it is asked."""
        if self.listens:
            self.span.set_attributes(asked(self.llm, self.request))
        if self.shows:
            said = content(self.request.messages, self._secrets())
            self.span.set_attribute("gen_ai.input.messages", said)

    def first_piece(self) -> None:
        """Tell when a stream began to tell something."""
        self.span.set_attribute("gen_ai.response.time_to_first_chunk", monotonic() - self.began)

    def end(self, reply: Reply) -> None:
        """Tell what came back."""
        if self.listens:
            self.span.set_attributes(answered(reply))
        if self.shows:
            messages = [
                {
                    "role": "assistant",
                    "content": choice.message.content,
                    "tool_calls": _plain_calls(getattr(choice.message, "tool_calls", None)),
                }
                for choice in reply.choices
            ]
            said = content(messages, self._secrets(), reply)
            self.span.set_attribute("gen_ai.output.messages", said)
        self._measure({"gen_ai.response.model": reply.model} if reply.model else {}, reply)

    def fail(self, error: BaseException) -> None:
        """Tell what went wrong."""
        from opentelemetry.trace import Status, StatusCode  # lazy: as in `traced`

        kind = kind_of(error)
        if self.listens:
            # First redacted, then cut: half a secret at the cut would not be known for one.
            said = redacted(str(error)[:LONGEST_ERROR], self._secrets())[:LONGEST_MESSAGE]
            self.span.set_attribute("error.type", kind)
            self.span.set_status(Status(StatusCode.ERROR, said))
        self._measure({"error.type": kind}, None)

    def _secrets(self) -> tuple[str, ...]:
        return secrets_of(self.llm, self.request)

    def _measure(self, more: dict[str, Any], reply: Reply | None) -> None:
        if "opentelemetry.metrics" not in sys.modules:
            return
        from opentelemetry import metrics  # lazy: as in `traced`

        duration, tokens = _instruments(metrics.get_meter_provider())
        named = self.named | more
        if reply is not None and reply.recalled:
            duration.record(monotonic() - self.began, named | {"opto.recalled": True})
            return
        duration.record(monotonic() - self.began, named)
        if reply is not None and reply.usage.total_tokens:
            usage = reply.usage
            tokens.record(usage.prompt_tokens, named | {"gen_ai.token.type": "input"})
            tokens.record(usage.completion_tokens, named | {"gen_ai.token.type": "output"})


def _answered(question: _Question, ask: Ask) -> Reply:
    question.begin()
    live = question.request.live
    hears = live.listener if question.listens and live is not None else None
    if live is None or hears is None:
        return _told(question, ask)

    def first(piece: str) -> None:
        live.listener = hears
        question.first_piece()
        hears(piece)

    live.listener = first
    try:
        return _told(question, ask)
    finally:
        live.listener = hears


def _told(question: _Question, ask: Ask) -> Reply:
    try:
        reply = ask(question.request)
    except BaseException as error:
        question.fail(error)
        raise
    question.end(reply)
    return reply


def _plain_calls(calls: Any) -> list[Any]:
    # A client's own objects, or the dicts that a journal kept of them.
    return [c.model_dump() if hasattr(c, "model_dump") else dict(c) for c in calls or ()]


# To make one anew for each question would take longer than using it.
@lru_cache(maxsize=4)
def _tracer(provider: Any) -> Any:
    return provider.get_tracer(SCOPE, __version__)


@lru_cache(maxsize=4)
def _instruments(provider: Any) -> tuple[Any, Any]:
    meter = provider.get_meter(SCOPE, __version__)
    # Before OpenTelemetry 1.30, only the application could choose the boundaries.
    takes = signature(meter.create_histogram).parameters
    advised = "explicit_bucket_boundaries_advisory" in takes
    duration = meter.create_histogram(
        "gen_ai.client.operation.duration",
        unit="s",
        description="GenAI operation duration.",
        **({"explicit_bucket_boundaries_advisory": SECONDS} if advised else {}),
    )
    tokens = meter.create_histogram(
        "gen_ai.client.token.usage",
        unit="{token}",
        description="Number of input and output tokens used.",
        **({"explicit_bucket_boundaries_advisory": TOKENS} if advised else {}),
    )
    return duration, tokens
