"""Namespaces: a network, processes and names of one's own, where the machine lets us have them.

They are a second wall behind the first. Where they are refused (in Docker as it comes, on
Ubuntu 24.04) nothing that is promised gets weaker.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

from . import confine_linux as linux

__all__ = ["enter"]

_WANTED = {
    "net": linux.NEW_NET,
    "ipc": linux.NEW_IPC,
    "uts": linux.NEW_NAMES,
    "pid": linux.NEW_PID,
}


def enter() -> tuple[str, ...]:
    """Take the whole process into namespaces of its own.

    Where there is one for processes, this forks: it returns in a new process, the first of the
    namespace, with which all others end; the old one waits, and ends as the new one did. So it
    must be called while there is one thread.

    Returns:
        Those that the process is in now: of ``user``, ``net``, ``ipc``, ``uts``, ``pid``.
    """
    entered = _leave()
    if "pid" in entered:
        _be_first()
    return entered


def _leave() -> tuple[str, ...]:
    every = sum(_WANTED.values())
    if linux.capabilities() >> linux.MANAGE & 1:
        try:
            linux.unshare(every)
        except OSError:
            return ()
        return tuple(_WANTED)
    user, group = os.geteuid(), os.getegid()
    if user != os.getuid() or group != os.getgid():
        return ()  # the kernel lets only one's real self be mapped
    try:
        linux.unshare(linux.NEW_USER | every)
    except OSError:
        return ()
    for name, text in {
        "setgroups": "deny",
        "uid_map": f"{user} {user} 1",
        "gid_map": f"{group} {group} 1",
    }.items():
        try:
            Path("/proc/self", name).write_text(text, encoding="ascii")
        except OSError:
            break  # nobody of no group, with the same rights on files
    return ("user", *_WANTED)


def _be_first() -> None:
    alive, held = os.pipe()
    inner = os.fork()
    if inner:
        _end_with(inner, keep=held)
    os.close(held)
    linux.prctl_or_raise(linux.DIES_WITH_PARENT, signal.SIGKILL)
    # The parent may have died before it was asked for; its end of the pipe tells.
    ready, _, _ = select.select([alive], [], [], 0)
    if ready:
        os._exit(1)
    os.close(alive)


def _end_with(inner: int, keep: int) -> None:
    """Wait for the inner process and end in the same way, holding none of its connections."""
    linux.prctl(linux.DUMPABLE, 0)
    os.closerange(0, keep)
    os.closerange(keep + 1, 65536)
    while True:
        try:
            _, status = os.waitpid(inner, 0)
        except InterruptedError:
            continue
        except ChildProcessError:
            os._exit(1)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
