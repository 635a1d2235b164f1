"""Workers where a process cannot be forked: a Python is started for every call.

This is for Windows, where nobody has run it yet; on Linux the tests do. It costs about 0.1 s a
call, and tells at a time-out how long the code ran, but not where it was.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from opto.sandbox.channel import Channel, Lost
from opto.sandbox.starting import LIMITS, PYTHON, environment
from opto.sandbox.worker import codec, frames
from opto.sandbox.worker.report import REPORT

if TYPE_CHECKING:
    from opto.sandbox.starting import Kind

__all__ = ["Spawning"]

LOOK = 0.01  # seconds between looks at a process and its leash


class Spawning:
    """Starts a worker for each call; the same face as `Zygote`'s.

    Args:
        kind: what the workers are made for.
    """

    alive = True

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def fork(self) -> Channel:
        """A worker for one call, by the ways to it.

        Raises:
            Lost: it cannot be started.
        """
        talk, their_talk = socket.socketpair()
        printed, their_printed = socket.socketpair()
        leash, their_leash = socket.socketpair()
        channel = Channel(talk, printed, leash)
        try:
            with their_talk, their_printed:
                process = _started(their_talk, their_printed)
        except OSError as error:
            channel.close()
            their_leash.close()
            raise Lost(str(error)) from error
        spec = codec.encode(self.kind.spec(), LIMITS)
        with suppress(OSError):
            talk.send(frames.packed(frames.SPEC, spec))
        Thread(target=_watch, args=(process, their_leash), daemon=True).start()
        return channel

    @property
    def at_rest(self) -> dict[int, int]:
        """Nothing is held."""
        return {}

    def stop(self, *, at_once: bool = False) -> None:
        """Nothing is held: each worker ends with its call."""

    def forget(self) -> None:
        """Nothing is held."""


def _started(talk: socket.socket, printed: socket.socket) -> subprocess.Popen[bytes]:
    """A Python that has its ends of two sockets."""
    if sys.platform == "win32":
        # Handles are described for a process that is there: their sizes are told, then they.
        process = subprocess.Popen(  # noqa: S603 - this very Python, and a file of ours
            [*PYTHON, "once", *[str(SHARED)] * 2],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process.stdin:
            for end in (talk, printed):
                process.stdin.write(end.share(process.pid))
        return process
    fds = [talk.fileno(), printed.fileno()]
    return subprocess.Popen(  # noqa: S603 - as above
        [*PYTHON, "once", *map(str, fds)],
        pass_fds=fds,
        env=environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


# Bytes of a WSAPROTOCOL_INFOW, by which Windows describes a socket to another process.
SHARED = 628


def _watch(process: subprocess.Popen[bytes], leash: socket.socket) -> None:
    """What a worker does for its children: kill it when the host lets go, and report its end."""
    with leash:
        while process.poll() is None:
            ready, _, _ = select.select([leash], [], [], LOOK)
            if ready and not _held(leash):
                process.kill()
                process.wait()
        with suppress(OSError):
            leash.send(REPORT.pack(process.returncode, 0, 0.0, 0.0))


def _held(leash: socket.socket) -> bool:
    try:
        return bool(leash.recv(16))
    except OSError:
        return False
