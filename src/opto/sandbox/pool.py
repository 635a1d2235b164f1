"""The worker processes: started outside of this one, clean, one for each kind of walls."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opto.errors import SandboxUnavailable
from opto.sandbox.channel import Channel, Lost
from opto.sandbox.spawned import Spawning
from opto.sandbox.starting import LIMITS, PYTHON, environment
from opto.sandbox.worker import codec, frames
from opto.sandbox.worker.report import AHEAD, FORKED, WANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.sandbox.starting import Kind

__all__ = ["Pool", "Zygote"]

# Seconds that a worker may take to start, with all that it imports before.
STARTING = 120.0
# Descriptors that come are closed in programs that this process starts, where that can be had.
CLOSED = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
FORKING, ENDING = 30.0, 2.0
MOST_IDLE = 8


class Zygote:
    """One worker process, and the socket by which it is asked to fork.

    Args:
        kind: what it is made for.

    Raises:
        SandboxUnavailable: it cannot start as it was asked to.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._turn = Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603
                [*PYTHON, "zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            self._control.sendall(frames.packed(frames.SPEC, codec.encode(kind.spec(), LIMITS)))
            self.held: Mapping[str, Any] = self._readied()["held"]
        except BaseException:
            self.stop(at_once=True)
            raise

    def _readied(self) -> dict[str, Any]:
        """What the worker says when it is ready, and not a byte of what comes after it."""
        until = time.monotonic() + STARTING
        kind, length = frames.HEADER.unpack(self._exactly(frames.HEADER.size, until))
        said: Any = codec.decode(self._exactly(min(length, LIMITS.size), until), LIMITS)
        self._control.settimeout(FORKING)
        if kind != frames.READY:
            raise SandboxUnavailable(f"a worker could not start:\n{said}")
        return dict(said)

    def _exactly(self, many: int, until: float) -> bytes:
        came = b""
        while len(came) < many:
            self._control.settimeout(max(0.001, until - time.monotonic()))
            try:
                part = self._control.recv(many - len(came))
            except OSError as error:
                raise SandboxUnavailable(f"a worker did not start: {error}") from error
            if not part:
                raise SandboxUnavailable("a worker ended while it started")
            came += part
        return came

    def fork(self) -> Channel:
        """A fresh child, by the ways to it.

        Raises:
            Lost: the worker is gone, or gives no child.
        """
        # Each call takes a child and orders one; which of them is which does not matter.
        with self._turn:
            try:
                self._control.sendall(WANTED)
                said, fds, _, _ = socket.recv_fds(self._control, 1, 3, CLOSED)
            except OSError as error:
                raise Lost(str(error)) from error
        if said != FORKED or len(fds) != 3:
            raise Lost("the worker cannot fork" if said else "the worker is gone")
        for fd in fds:
            os.set_inheritable(fd, False)
        return Channel(*(socket.socket(fileno=fd) for fd in fds))

    @property
    def at_rest(self) -> dict[int, int]:
        """The number of the process, and how many come from it while no call runs."""
        within = "pid" in self.held["namespaces"]  # the first process there is a child of this one
        return {self._process.pid: AHEAD + within} if self._process is not None else {}

    @property
    def alive(self) -> bool:
        """Whether the process is there, as far as one can tell without asking it."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, at_once: bool = False) -> None:
        """End the process, and all its children."""
        process, self._process = self._process, None
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        if process is None:
            return
        if not at_once:
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDING)
        process.kill()
        process.wait()

    def forget(self) -> None:
        """In a fork of this process: it is the parent's, let go of it untouched."""
        process, self._process = self._process, None
        if process is not None:
            process.returncode = 0  # nothing to wait for here
        self._control.close()


@dataclass(slots=True)
class _Place:
    """Where the worker of one kind is kept."""

    lock: Any = field(default_factory=Lock)
    zygote: Zygote | Spawning | None = None
    used: float = 0.0
    users: int = 0


class Pool:
    """One worker of each kind, started when it is first needed, replaced when it is gone.

    Args:
        make: starts one; where processes cannot be forked, each call starts its own.
    """

    def __init__(self, make: Callable[[Kind], Zygote | Spawning] | None = None) -> None:
        self._make = make or (Zygote if hasattr(os, "fork") else Spawning)
        self._renew()
        _POOLS.add(self)
        atexit.register(self.stop)

    def _renew(self) -> None:
        self._lock = Lock()
        self._places: dict[Kind, _Place] = {}

    def taken(self, kind: Kind) -> Zygote | Spawning:
        """The worker of a kind, until it is `given_back`."""
        with self._lock:
            place = self._places.setdefault(kind, _Place())
            place.used, place.users = time.monotonic(), place.users + 1
            idle = self._too_many()
        for old in idle:
            old.stop()
        try:
            with place.lock:
                if place.zygote is None or not place.zygote.alive:
                    if place.zygote is not None:
                        place.zygote.stop(at_once=True)
                    place.zygote = None
                    place.zygote = self._make(kind)
                return place.zygote
        except BaseException:
            self.given_back(kind)
            raise

    @property
    def at_rest(self) -> dict[int, int]:
        """The numbers of the workers, and how many processes come from each between calls."""
        with self._lock:
            held = [place.zygote for place in self._places.values()]
        return {pid: many for one in held if one for pid, many in one.at_rest.items()}

    def given_back(self, kind: Kind) -> None:
        """A call is over."""
        with self._lock:
            if kind in self._places:
                self._places[kind].users -= 1

    def replace(self, zygote: Zygote | Spawning) -> None:
        """A worker was found to be gone, or to be of no use."""
        with self._lock:
            place = self._places.get(zygote.kind)
        if place is not None:
            with place.lock:
                if place.zygote is zygote:
                    place.zygote = None
        zygote.stop(at_once=True)

    def _too_many(self) -> list[Zygote | Spawning]:
        """Workers that were not used for longest, taken out of a pool of too many."""
        idle = (
            sorted(
                (place.used, kind)
                for kind, place in self._places.items()
                if not place.users and place.zygote is not None
            )
            if len(self._places) > MOST_IDLE
            else []
        )
        gone = [self._places.pop(kind) for _, kind in idle[: len(self._places) - MOST_IDLE]]
        return [place.zygote for place in gone if place.zygote is not None]

    def stop(self) -> None:
        """End all workers; the next call starts them anew."""
        with self._lock:
            places, self._places = self._places, {}
        for place in places.values():
            with place.lock:
                if place.zygote is not None:
                    place.zygote.stop()
                    place.zygote = None

    def forget(self) -> None:
        """In a fork of this process: the workers are the parent's."""
        places = self._places
        self._renew()
        for place in places.values():
            if place.zygote is not None:
                place.zygote.forget()


# All there are in this process, because a fork copies them all: a child that held the socket of
# a worker would keep it alive when its parent is gone.
_POOLS: WeakSet[Pool] = WeakSet()


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool.forget()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_after_fork)
