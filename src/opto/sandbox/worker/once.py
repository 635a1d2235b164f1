"""A worker for a single call, where a process cannot be forked: it is child and all.

Nobody has run it on Windows yet; on Linux the tests do.
"""

from __future__ import annotations

import os
import socket
import sys
from importlib import import_module
from typing import Any, NoReturn

from . import child, codec, confine, frames

__all__ = ["serve"]

LIMITS = codec.Limits.of(1 << 20)


def serve(*numbers: str) -> NoReturn:
    """Run one task.

    Args:
        numbers: descriptors of the ways to the host; on Windows, how many bytes of the standard
            input describe each of them.
    """
    talk, printed = (_end(number) for number in numbers)
    try:
        _, body = frames.receive(talk)
        spec = codec.decode(body, LIMITS)
        for name in spec["preload"]:
            import_module(name)
        child.register_where()
        prepared: Any = confine.prepare(spec)
        # There is none between the host and the process that is confined.
        prepared.parent = os.getppid()
    except BaseException as error:  # noqa: BLE001 - the host tells it
        frames.send(talk, frames.BROKEN, codec.encode(f"{error!r}"[:4000], LIMITS))
        os._exit(1)
    child.work(talk, printed, prepared)


def _end(number: str) -> frames.End:
    if sys.platform == "win32":
        sock = socket.fromshare(sys.stdin.buffer.read(int(number)))
        return frames.End(sock.recv, sock.send)
    return frames.End.of(int(number))
