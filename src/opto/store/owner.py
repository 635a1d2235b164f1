"""Who holds a claim, and whether that process still runs."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

__all__ = ["Owner", "is_gone"]


class Owner:
    """A name for one holder of claims: this object, in this process, on this machine.

    Example:
        >>> me = Owner()
        >>> me.name == me.name, me.name == Owner().name, is_gone(me.name)
        (True, False, False)
    """

    def __init__(self) -> None:
        self._token = uuid4().hex
        self._made = (0, "")

    @property
    def name(self) -> str:
        """The name; another one in a process that was forked from this one."""
        pid = os.getpid()
        if self._made[0] != pid:
            self._made = (pid, f"{_place()}|{pid}|{_started(pid)}|{self._token}")
        return self._made[1]


def is_gone(owner: str) -> bool:
    """Whether it is certain that the process of this owner has ended, by kill -9 for instance.

    Of a process on another machine, or in another container, nobody here knows: its
    claims end with their time.
    """
    place, pid, started, _ = owner.split("|")
    if place != _place() or os.name != "posix":  # elsewhere, signal 0 is a real one
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as another user
        return False
    # Numbers of processes are used again.
    return _started(int(pid)) != started


@lru_cache(maxsize=1)
def _place() -> str:
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        space = ""
    return f"{socket.gethostname()}{space}".replace("|", "_")


def _started(pid: int) -> str:
    """When a process began, in ticks of the kernel; empty where there is no /proc."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything, blanks too.
    state, *rest = said.rpartition(")")[2].split()
    # A zombie has ended, it only was not buried.
    return "" if state == "Z" else rest[18]
