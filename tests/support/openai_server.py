"""A real HTTP server that speaks OpenAI's chat API, and fails as it is told to.

    with OpenAIServer([fails(500), says("Hello")]) as server:
        client = openai.OpenAI(base_url=server.url, api_key="any")

Each request is answered by the next `Turn` of the script, and by `otherwise`
when the script is used up. What was asked is in `server.requests`; whose client went
away before the answer was sent is in `server.left`.

A request with ``"stream": true`` gets its turn as server-sent events, word by word.
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import Self


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire; the names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Turn:
    """How one request is answered.

    Args:
        content: what the model says; None is sent as null.
        status: the HTTP status; from 400 on, the body is an error object.
        error: the error object of the body; with a status below 400, too.
        headers: further HTTP headers, or others in the place of the usual ones.
        finish_reason: as in OpenAI's API.
        usage: tokens read and written; None where the server does not say.
        streams: whether it comes as events where it is asked to.
        tool_calls: what the model wants to have called: names and arguments.
        silence: seconds to wait before anything is sent.
        sent: how much of the body is sent (0..1) before the connection is cut.
        kept: how much of the body there is at all (0..1): less is broken JSON in a
            response that is complete for HTTP.
        trickle: seconds between one tenth of the body, or one event, and the next.
    """

    content: str | None = "ok"
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    usage: tuple[int, int] | None = (11, 7)
    streams: bool = True
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    silence: float = 0.0
    sent: float = 1.0
    kept: float = 1.0
    trickle: float = 0.0

    def body(self, asked: Asked) -> bytes:
        """The bytes that stand after the headers."""
        said = {"error": dict(self.error)} if self.error else self._completion(asked)
        text = json.dumps(said).encode()
        return text[: int(len(text) * self.kept)]

    def events(self, asked: Asked) -> list[bytes]:
        """The server-sent events of an answer that is streamed."""
        frames = list(self._chunks(asked))
        if self.error:
            frames = [*frames[: len(frames) // 2], {"error": dict(self.error)}]
        events = [f"data: {json.dumps(frame)}\n\n".encode() for frame in frames]
        events = events if self.error else [*events, b"data: [DONE]\n\n"]
        return events[: int(len(events) * self.kept)]

    def _completion(self, asked: Asked) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.content}
        if self.tool_calls:
            message["tool_calls"] = self._calls()
        return {
            **self._about(asked, "chat.completion"),
            "choices": [
                {"index": index, "message": message, "finish_reason": self._reason()}
                for index in range(asked.body.get("n") or 1)
            ],
            **self._counted(),
        }

    def _chunks(self, asked: Asked) -> Iterator[dict[str, Any]]:
        about = self._about(asked, "chat.completion.chunk")

        def chunk(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
            return {
                **about,
                "choices": [{"index": index, "delta": delta, "finish_reason": reason}],
            }

        choices = range(asked.body.get("n") or 1)
        yield from (chunk(i, {"role": "assistant", "content": ""}) for i in choices)
        for word in re.findall(r"\s*\S+|\s+", self.content or ""):
            yield from (chunk(i, {"content": word}) for i in choices)
        for at, call in enumerate(self._calls()):
            function = call["function"]
            half = len(function["arguments"]) // 2
            begun = {**call, "index": at, "function": {**function, "arguments": ""}}
            yield from (chunk(i, {"tool_calls": [begun]}) for i in choices)
            for part in (function["arguments"][:half], function["arguments"][half:]):
                more = {"index": at, "function": {"arguments": part}}
                yield from (chunk(i, {"tool_calls": [more]}) for i in choices)
        yield from (chunk(i, {}, self._reason()) for i in choices)
        if (asked.body.get("stream_options") or {}).get("include_usage") and self.usage:
            yield {**about, "choices": [], **self._counted()}

    def _about(self, asked: Asked, kind: str) -> dict[str, Any]:
        model = asked.body.get("model", "unnamed")
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": model}

    def _reason(self) -> str:
        return "tool_calls" if self.tool_calls else self.finish_reason

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{at}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for at, (name, arguments) in enumerate(self.tool_calls)
        ]

    def _counted(self) -> dict[str, Any]:
        if self.usage is None:
            return {}
        read, written = self.usage
        counted = {"prompt_tokens": read, "completion_tokens": written}
        return {"usage": {**counted, "total_tokens": read + written}}


def says(content: str | None, **how: Any) -> Turn:
    """An ordinary answer; also an empty one, or null."""
    return Turn(content, **how)


def calls(*tools: tuple[str, Mapping[str, Any]], **how: Any) -> Turn:
    """The model wants functions called, each with its name and arguments."""
    return Turn(None, tool_calls=tools, **how)


def fails(
    status: int,
    message: str = "the server was told to fail",
    *,
    retry_after: float | str | None = None,
    **error: Any,
) -> Turn:
    """An HTTP error, with a Retry-After header if that is given."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Turn(
        status=status,
        error={"message": message, "type": "error", "param": None, "code": None, **error},
        headers=headers,
    )


def cuts() -> Turn:
    """The connection is closed in the middle of the body."""
    return Turn("an answer that nobody will read to its end", sent=0.5)


def truncates() -> Turn:
    """A complete HTTP response whose JSON stops in the middle."""
    return Turn("an answer with broken JSON round it", kept=0.7)


def keeps_silent(seconds: float = 30.0) -> Turn:
    """Nothing is sent for a while."""
    return Turn("too late", silence=seconds)


def trickles(seconds: float, content: str = "drop by drop") -> Turn:
    """The body comes in ten parts, `seconds` between one and the next."""
    return Turn(content, trickle=seconds)


Script = Iterable[Turn | Callable[[Asked], Turn]]


class OpenAIServer:
    """The server; a context manager that listens on a free port of 127.0.0.1.

    Args:
        script: turns, or functions from what was asked to a turn.
        otherwise: answers when the script is used up.
    """

    path = "/chat/completions"

    def __init__(
        self, script: Script = (), otherwise: Turn | Callable[[Asked], Turn] = Turn("ok")
    ) -> None:
        self.script = deque(script)
        self.otherwise = otherwise
        self.requests: list[Asked] = []
        self.left: list[Asked] = []
        self.stopping = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The base address for a client, with ``/v1``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def turn(self, asked: Asked) -> Turn:
        """Note the request and say how it is answered."""
        self.requests.append(asked)
        try:
            turn = self.script.popleft()
        except IndexError:
            turn = self.otherwise
        return turn(asked) if callable(turn) else turn

    def leaves(self, count: int = 1, seconds: float = 3.0) -> bool:
        """Whether so many clients go away within a while, before they have their answers."""
        end = time.monotonic() + seconds
        while len(self.left) < count and time.monotonic() < end:
            time.sleep(0.005)
        return len(self.left) >= count

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()  # ends every silence
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1000
    owner: OpenAIServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests are about: nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, json.loads(self.rfile.read(size) or b"{}"))
        if not self.path.partition("?")[0].endswith(self.server.owner.path):
            self._send(fails(404, f"there is nothing at {self.path}"), asked)
            return
        turn = self.server.owner.turn(asked)
        try:
            self._pause(turn.silence)
            if asked.body.get("stream") and turn.streams and turn.status < 400:
                self._send_events(turn, asked)
            else:
                self._send(turn, asked)
        except ConnectionError:
            self.close_connection = True
            if not self.server.owner.stopping.is_set():
                self.server.owner.left.append(asked)

    def _send(self, turn: Turn, asked: Asked) -> None:
        body = turn.body(asked)
        self._begin(turn, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        sent = body[: int(len(body) * turn.sent)]
        size = max(1, len(sent) // 10) if turn.trickle else max(1, len(sent))
        self._write([sent[at : at + size] for at in range(0, len(sent), size)], turn)

    def _send_events(self, turn: Turn, asked: Asked) -> None:
        self._begin(turn, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        events = turn.events(asked)
        if turn.sent < 1:
            events = events[: int(len(events) * turn.sent)]
        framed = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
        self._write(framed if turn.sent < 1 else [*framed, b"0\r\n\r\n"], turn)

    def _begin(self, turn: Turn, headers: dict[str, str]) -> None:
        self.send_response(turn.status)
        # Clients that pool connections (LiteLLM's for ever) would leave them open in the tests.
        for name, value in {**headers, "Connection": "close", **turn.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, parts: list[bytes], turn: Turn) -> None:
        for number, part in enumerate(parts):
            self._pause(turn.trickle if number else 0)
            self.wfile.write(part)
            self.wfile.flush()
        if turn.sent < 1:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _pause(self, seconds: float) -> None:
        """Wait, while the client does.

        Raises:
            ConnectionError: it has gone away, or the server is being stopped.
        """
        end = time.monotonic() + seconds
        watch = select.poll()
        watch.register(self.connection, select.POLLIN)
        while (left := end - time.monotonic()) > 0:
            if self.server.owner.stopping.wait(min(left, 0.02)):
                raise ConnectionAbortedError
            if watch.poll(0) and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""
