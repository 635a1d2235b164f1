"""A real HTTP server that speaks OpenAI's chat API, and fails as it is told to.

    with OpenAIServer([fails(500), says("Hello")]) as server:
        client = openai.OpenAI(base_url=server.url, api_key="any")

Each request is answered by the next `Turn` of the script, and by `otherwise`
when the script is used up. What was asked is in `server.requests`.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
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
        usage: tokens read and written.
        silence: seconds to wait before anything is sent.
        sent: how much of the body is sent (0..1) before the connection is cut.
        kept: how much of the body there is at all (0..1): less is broken JSON in a
            response that is complete for HTTP.
        trickle: seconds between one tenth of the body and the next.
    """

    content: str | None = "ok"
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    usage: tuple[int, int] = (11, 7)
    silence: float = 0.0
    sent: float = 1.0
    kept: float = 1.0
    trickle: float = 0.0

    def body(self, asked: Asked) -> bytes:
        """The bytes that stand after the headers."""
        said = {"error": dict(self.error)} if self.error else self._completion(asked)
        text = json.dumps(said).encode()
        return text[: int(len(text) * self.kept)]

    def _completion(self, asked: Asked) -> dict[str, Any]:
        read, written = self.usage
        message = {"role": "assistant", "content": self.content}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked.body.get("model", "unnamed"),
            "choices": [
                {"index": index, "message": message, "finish_reason": self.finish_reason}
                for index in range(asked.body.get("n") or 1)
            ],
            "usage": {
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": read + written,
            },
        }


def says(content: str | None, **how: Any) -> Turn:
    """An ordinary answer; also an empty one, or null."""
    return Turn(content, **how)


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

    def __init__(
        self, script: Script = (), otherwise: Turn | Callable[[Asked], Turn] = Turn("ok")
    ) -> None:
        self.script = deque(script)
        self.otherwise = otherwise
        self.requests: list[Asked] = []
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
        if not self.path.partition("?")[0].endswith("/chat/completions"):
            self._send(fails(404, f"there is nothing at {self.path}"), asked)
            return
        turn = self.server.owner.turn(asked)
        if self.server.owner.stopping.wait(turn.silence):
            self.close_connection = True
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send(turn, asked)

    def _send(self, turn: Turn, asked: Asked) -> None:
        body = turn.body(asked)
        self.send_response(turn.status)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            # Clients that pool connections (LiteLLM's for ever) would leave them open in the tests.
            "Connection": "close",
            **turn.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(body[: int(len(body) * turn.sent)], turn.trickle)
        if turn.sent < 1:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _write(self, body: bytes, pause: float) -> None:
        size = max(1, len(body) // 10) if pause else max(1, len(body))
        for start in range(0, len(body), size):
            if start and self.server.owner.stopping.wait(pause):
                return
            self.wfile.write(body[start : start + size])
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""
