"""The worker's first process: clean, single-threaded, and forked for every call.

It never sees foreign code. The host gets three descriptors of each child: the child's socket,
the pipe for what it prints, and a leash, whose other end stays here. As long as the host holds
the leash the child may live; when it lets go, or dies, the child is killed. When the child ends,
the leash carries how. One child is forked ahead, and locks itself in while nobody waits.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from . import child, codec, confine, frames
from .report import AHEAD, FAILED, FORKED, REPORT

__all__ = ["serve"]

LIMITS = codec.Limits.of(1 << 20)
# Below are those that the child will have: nothing, printed, printed, its socket.
FIRST_FREE = 10
# So much may be on its way before a side must wait; the system may allow less.
BUFFER = 4 << 20
# What most code imports, so that not every child does.
COMMON = (
    "asyncio",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "textwrap",
    "time",
    "types",
    "typing",
)


def serve(number: str) -> NoReturn:
    """Talk with the host over a socket, by its number, until it is gone."""
    control = _above(int(number), FIRST_FREE)
    end = frames.End.of(control)
    _fill_low()
    try:
        _, body = frames.receive(end)
        spec = codec.decode(body, LIMITS)
        prepared = _prepare(spec)
        ready = codec.encode({"held": dict(prepared.held)}, LIMITS)
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the host tells it
        told = traceback.format_exc()[-8000:]
        frames.send(end, frames.BROKEN, codec.encode(told, LIMITS))
        os._exit(1)
    frames.send(end, frames.READY, ready)
    with socket.socket(fileno=control) as sock:
        Zygote(sock, prepared).run()
    os._exit(0)


def _above(fd: int, least: int) -> int:
    """The same file under a number that is out of the way."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
    os.close(fd)
    return moved


def _fill_low() -> None:
    """Occupy the numbers that the child's own files will have."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(FIRST_FREE):
        if number != nothing:
            os.dup2(nothing, number, inheritable=False)


def _prepare(spec: dict[str, Any]) -> Any:
    for name in [*COMMON, *spec["preload"]]:
        import_module(name)
    child.register_where()
    gc.collect()
    gc.freeze()
    return confine.prepare(spec)


class Zygote:
    """The loop of the process.

    Args:
        control: the socket to the host.
        prepared: the walls, which each child puts up around itself.
    """

    def __init__(self, control: socket.socket, prepared: Any) -> None:
        self.control, self.prepared = control, prepared
        self.leashes: dict[int, socket.socket] = {}  # by the child's pid
        self.pids: dict[int, int] = {}  # by the leash's descriptor
        self.wake, self.alarm = socket.socketpair()
        for end in (self.wake, self.alarm):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.alarm.fileno(), warn_on_full_buffer=False)
        self.poll = select.poll()
        self.poll.register(self.control, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)

    def run(self) -> None:
        """Serve until the host is gone; then nothing of ours lives on."""
        try:
            for _ in range(AHEAD):
                self._deliver()
            while self._turn():
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass  # the host is gone
        finally:
            for pid in self.leashes:
                _kill(pid)

    def _turn(self) -> bool:
        for fd, _ in self.poll.poll():
            if fd == self.control.fileno():
                if not self._called():
                    return False
            elif fd == self.wake.fileno():
                with suppress(BlockingIOError):
                    self.wake.recv(4096)
            elif fd in self.pids:
                self._pulled(fd)
        self._reap()
        return True

    def _called(self) -> bool:
        """The host has taken a child: fork the next; False if the host is gone."""
        wanted = self.control.recv(64)
        for _ in wanted:
            self._deliver()
        return bool(wanted)

    def _deliver(self) -> None:
        """Fork a child, and hand the host its ends."""
        talk, their_talk = socket.socketpair()
        for end in (talk, their_talk):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        leash, their_leash = socket.socketpair()
        printed, their_printed = socket.socketpair()
        theirs = [their_talk.detach(), their_printed.detach(), their_leash.detach()]
        try:
            self.prepared.before_fork()
            pid = os.fork()
        except OSError:
            self.control.send(FAILED)
            leash.close()
        else:
            if pid == 0:
                try:
                    self._leave_to_child(leash, theirs)
                    child.main(talk.detach(), printed.detach(), self.prepared)
                finally:
                    os._exit(70)
            self.leashes[pid] = leash
            self.pids[leash.fileno()] = pid
            self.poll.register(leash, select.POLLIN)
            socket.send_fds(self.control, [FORKED], theirs)
        talk.close()
        printed.close()
        for fd in theirs:
            os.close(fd)

    def _leave_to_child(self, leash: socket.socket, theirs: list[int]) -> None:
        """Close what a child has no business with, and forget what a parent is."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (self.control, self.wake, self.alarm, leash, *self.leashes.values()):
            os.close(sock.detach())
        for fd in theirs:
            os.close(fd)

    def _pulled(self, fd: int) -> None:
        """The host said something by the leash, or let go of it."""
        pid = self.pids[fd]
        leash = self.leashes[pid]
        try:
            said = leash.recv(16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if said:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)
            return
        # The leash is kept for the report, as the host may have closed one direction only.
        self.poll.unregister(fd)
        _kill(pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in self.leashes:
                _kill_group(pid)
                self._report(pid, status, used)

    def _report(self, pid: int, status: int, used: Any) -> None:
        leash = self.leashes.pop(pid)
        self.pids.pop(leash.fileno(), None)
        with suppress(KeyError):
            self.poll.unregister(leash)
        with leash, suppress(OSError):
            code = os.waitstatus_to_exitcode(status)
            leash.send(REPORT.pack(code, used.ru_maxrss, used.ru_utime, used.ru_stime))


def _kill(pid: int) -> None:
    _kill_group(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    """What a child has forked; it made itself the head of a group first of all."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
