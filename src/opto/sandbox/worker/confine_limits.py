"""Limits of a process, and who it is: what bounds memory, time, files and threads."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":  # its worker is bounded from outside
    import resource

__all__ = ["MANY", "THREADS", "address_space", "limit", "strangers", "tasks_of"]

THREADS = 64  # of one call, beside those that were there

# Numbers of users that belong to nobody are taken from below the highest that there is.
_APART, MANY = 4096, 16384


def address_space() -> int:
    """Bytes of addresses that this process has taken; 0 where that is not told."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def limit(limits: dict[str, int]) -> list[str]:
    """Set the limits of this process for good, as far as the system has them.

    Args:
        limits: by the name of `resource` without ``RLIMIT_``.

    Returns:
        The names of those that could not be set.
    """
    if sys.platform == "win32":
        return sorted(limits)
    left = []
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            left.append(name)
    return left


def tasks_of(user: int) -> int:
    """How many threads a user runs on this machine, as far as it is to be seen."""
    count = 0
    with os.scandir("/proc") as entries:
        for entry in entries:
            with suppress(OSError):  # it ended meanwhile
                if entry.name.isdigit() and entry.stat().st_uid == user:
                    count += Path(entry.path, "task").stat().st_nlink - 2
    return count


def strangers() -> int:
    """The highest of the users whom nobody is; there are `MANY` below it.

    The kernel counts threads by the real user, and never those of root: a process that gets such
    a user is counted by itself.

    Returns:
        0 where there are no such users in this namespace.
    """
    try:
        rows = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    ends = [int(start) + int(count) for start, _, count in map(str.split, rows)]
    highest = max(ends, default=0) - _APART
    return highest if highest > 1 << 16 else 0
