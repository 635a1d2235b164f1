"""A real HTTP server that speaks Anthropic's messages API, and fails as it is told to.

    with AnthropicServer([overloaded(), says("Hello")]) as server:
        LiteLLM("anthropic/claude-sonnet-4-5", api_base=server.url, api_key="any")

It is the server of `openai_server` with other words on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.openai_server import Asked, OpenAIServer, Script, Turn

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class AnthropicTurn(Turn):
    """How one request is answered, in Anthropic's words; the fields are those of `Turn`."""

    def body(self, asked: Asked) -> bytes:
        """The bytes that stand after the headers."""
        if self.error:
            return json.dumps({"type": "error", "error": dict(self.error)}).encode()
        said = {
            **self._message(asked),
            "content": list(self._blocks()),
            "stop_reason": self._stop_reason(),
            "usage": self._usage(),
        }
        return json.dumps(said).encode()

    def events(self, asked: Asked) -> list[bytes]:
        """The server-sent events of an answer that is streamed."""
        frames = list(self._frames(asked))
        if self.error:
            broken = {"type": "error", "error": dict(self.error)}
            frames = [*frames[: len(frames) // 2], broken]
        return [
            f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n".encode() for frame in frames
        ]

    def _frames(self, asked: Asked) -> Iterator[dict[str, Any]]:
        usage = self._usage()
        begun = {**self._message(asked), "content": [], "stop_reason": None}
        yield {
            "type": "message_start",
            "message": {**begun, "usage": {**usage, "output_tokens": 1}},
        }
        yield {"type": "ping"}
        for index, block in enumerate(self._blocks()):
            empty = {"text": ""} if block["type"] == "text" else {"input": {}}
            start = {**block, **empty}
            yield {"type": "content_block_start", "index": index, "content_block": start}
            for delta in _deltas(block):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        ended = {"stop_reason": self._stop_reason(), "stop_sequence": None}
        yield {"type": "message_delta", "delta": ended, "usage": usage}
        yield {"type": "message_stop"}

    def _message(self, asked: Asked) -> dict[str, Any]:
        about = {"id": "msg_1", "type": "message", "role": "assistant", "stop_sequence": None}
        return {**about, "model": asked.body["model"]}

    def _blocks(self) -> Iterator[dict[str, Any]]:
        if self.content:
            yield {"type": "text", "text": self.content}
        for at, (name, arguments) in enumerate(self.tool_calls):
            yield {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": dict(arguments)}

    def _usage(self) -> dict[str, int]:
        read, written = self.usage or (0, 0)
        return {"input_tokens": read, "output_tokens": written}

    def _stop_reason(self) -> str:
        return "tool_use" if self.tool_calls else STOP_REASONS[self.finish_reason]


OK = AnthropicTurn("ok")


def says(content: str | None, **how: Any) -> AnthropicTurn:
    """An ordinary answer."""
    return AnthropicTurn(content, **how)


def calls(*tools: tuple[str, Mapping[str, Any]], content: str | None = None) -> AnthropicTurn:
    """The model wants tools used, each with its name and input."""
    return AnthropicTurn(content, tool_calls=tools)


def fails(status: int, kind: str, message: str, **headers: str) -> AnthropicTurn:
    """An error as Anthropic tells it: its type and message."""
    return AnthropicTurn(status=status, error={"type": kind, "message": message}, headers=headers)


def limited(retry_after: float) -> AnthropicTurn:
    """Too many requests."""
    told = {"retry-after": str(retry_after)}
    return fails(429, "rate_limit_error", "Number of requests has exceeded your limit", **told)


def overloaded() -> AnthropicTurn:
    """The whole service is."""
    return fails(529, "overloaded_error", "Overloaded")


class AnthropicServer(OpenAIServer):
    """The server; see `OpenAIServer`."""

    path = "/v1/messages"

    def __init__(self, script: Script = (), otherwise: Turn = OK) -> None:
        super().__init__(script, otherwise)

    @property
    def url(self) -> str:
        """The base address for LiteLLM, which adds ``/v1/messages``."""
        return super().url.removesuffix("/v1")


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        words = block["text"].split(" ")
        for at, word in enumerate(words):
            yield {"type": "text_delta", "text": f" {word}" if at else word}
    else:
        text = json.dumps(block["input"])
        for part in ("", text[: len(text) // 2], text[len(text) // 2 :]):
            yield {"type": "input_json_delta", "partial_json": part}
