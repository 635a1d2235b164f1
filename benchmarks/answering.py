"""A server that answers every question at once, as cheaply as Python can.

    with answering() as url:
        openai.OpenAI(base_url=url, ...)

It is a process of its own, so that what it works is not counted as the client's.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.rounds import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "tiny",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": '{"answer": "The sign is wrong."}'},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 180, "completion_tokens": 9, "total_tokens": 189},
}
BODY = json.dumps(ANSWER).encode()
RESPONSE = (
    f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
).encode() + BODY
END = b"\r\n\r\n"


class Answering(asyncio.Protocol):
    """One connection; it is kept, as providers keep theirs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(END)) >= 0:
            headers = self.held[:end].lower()
            start = headers.index(b"content-length:") + 15
            size = int(headers[start:].split(b"\r\n", 1)[0])
            if len(self.held) < end + 4 + size:
                return
            self.held = self.held[end + 4 + size :]
            self.transport.write(RESPONSE)


async def serve() -> None:
    """Listen on a free port, print it, and go on until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def answering() -> Iterator[str]:
    """The base address of a server that runs until the block is left."""
    command = [sys.executable, "-m", "benchmarks.answering"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve())
