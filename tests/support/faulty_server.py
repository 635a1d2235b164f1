"""A server on bare sockets that does what no library for servers would do.

    with FaultyServer(Fault(503)) as server:
        client = openai.OpenAI(base_url=server.url, api_key="any")

Each request meets the next `Fault` of the script, and the last one for ever. What was
asked, byte by byte, is in `server.requests`.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import Self

__all__ = ["Fault", "FaultyServer", "completion"]


def completion(content: Any = "ok", finish_reason: str = "stop", **changed: Any) -> bytes:
    """The body of an ordinary answer; `changed` are fields in the place of the usual ones."""
    message = {"role": "assistant", "content": content}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
    return json.dumps(body | changed).encode()


@dataclass(frozen=True)
class Fault:
    """What one request gets.

    Args:
        status: the HTTP status.
        body: what follows the headers.
        headers: further headers, or others in the place of the usual ones.
        ending: "close" for a whole response; "reset" for a connection that is reset after
            half of the body; "drip" for a body that goes on, byte by byte, for ever;
            "silent" for nothing at all.
        pause: seconds between the bytes that drip.
    """

    status: int = 200
    body: bytes = field(default_factory=completion)
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: str = "close"
    pause: float = 0.05

    def head(self) -> bytes:
        """The status line and the headers."""
        # One that drips has promised more than it will ever send.
        size = len(self.body) + (10**6 if self.ending == "drip" else 0)
        said = {
            "Content-Type": "application/json",
            "Content-Length": str(size),
            "Connection": "close",
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} Some Reason", *(f"{k}: {v}" for k, v in said.items())]
        return "\r\n".join([*lines, "", ""]).encode()


class FaultyServer:
    """The server; a context manager that listens on a port of 127.0.0.1.

    Args:
        *script: what the requests get, one after the other; the last one for ever.
        port: where it listens; 0 for a free port.
    """

    def __init__(self, *script: Fault, port: int = 0) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self._door = socket.create_server(("127.0.0.1", port))
        self.port = self._door.getsockname()[1]
        self._guests: list[threading.Thread] = []
        self._porter = threading.Thread(target=self._open)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base address for a client, with ``/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._porter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # ends the wait for the next guest
        self._door.close()
        for thread in (self._porter, *self._guests):
            thread.join()

    def _open(self) -> None:
        while not self.stopping.is_set():
            try:
                guest, _ = self._door.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(guest,))
            thread.start()
            self._guests.append(thread)

    def _serve(self, guest: socket.socket) -> None:
        guest.settimeout(10)
        # Whoever has gone away is what some tests are about.
        with guest, suppress(OSError):
            asked = _read(guest)
            if not asked:
                guest.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            with self._lock:
                fault = self.script[min(len(self.requests), len(self.script) - 1)]
                self.requests.append(asked)
            self._send(guest, fault)

    def _send(self, guest: socket.socket, fault: Fault) -> None:
        if fault.ending == "silent":
            self.stopping.wait()
            return
        guest.sendall(fault.head())
        if fault.ending == "reset":
            guest.sendall(fault.body[: len(fault.body) // 2])
            # No time to linger: closing sends a reset and no end.
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        guest.sendall(fault.body)
        while fault.ending == "drip" and not self.stopping.wait(fault.pause):
            guest.sendall(b" ")


def _read(guest: socket.socket) -> bytes:
    """One request, headers and body; empty for what is none, such as the beginning of TLS."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        piece = guest.recv(65536)
        asked += piece
        if not piece or not asked[:4].isalpha():
            return b""
    head, _, body = asked.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields.get(b"content-length", 0)) - len(body)
    while missing > 0:
        piece = guest.recv(65536)
        asked, missing = asked + piece, missing - len(piece)
        if not piece:
            break
    return asked
