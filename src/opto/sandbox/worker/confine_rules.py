"""What each level says to system calls, with the reasons where they do not speak for themselves."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .confine_bpf import (
    ALLOW,
    OWN,
    all_set,
    any_of,
    assemble,
    none_set,
    null,
    refuse,
)
from .confine_calls import ALLOWED, DENIED

if TYPE_CHECKING:
    from .confine_bpf import Check, Filter

__all__ = ["filter_for"]

_NO = refuse(errno.EPERM)
_CLOSED = refuse(errno.EACCES)
_ABSENT = refuse(errno.ENOSYS)  # libraries then take the older call, which is judged

# Bits of open(): write, read and write, create, truncate, append, nameless file.
_WRITES = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0x400000
_LOOKS = 0x200000  # O_PATH: Landlock lets it through, and it tells what is there

_THREAD = 0x10000
# Everything new: mount, control group, name, IPC, user, process and network namespace.
_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000
_NAMESPACES |= 0x40000000

# Copies, and flags. No owner, who would get signals; no locks, which others would wait for; no
# larger pipes, whose memory no limit counts.
_FLAGS = (0, 1, 2, 3, 4, 1030, 1032)
# Is it a terminal, and how wide; closed at exec; does it block; how much is there to read. All
# others belong to devices, or change files that are only open for reading.
_HARMLESS = (0x5401, 0x802C542A, 0x5413, 0x5450, 0x5451, 0x5421, 0x541B)
# The name of a thread and of a piece of memory; looking at what is in force.
_NAMES = (15, 16, 0x53564D41, 2, 3, 21, 39)
_SEGMENTS = (0x1002, 0x1003)  # a thread's own storage on x86-64
_LOOKED_UP = (0xFFFFFFFF,)  # personality() that only asks
_UNIX = (1,)


def _common() -> dict[str, tuple[Check, ...]]:
    """Rules of both levels."""
    own = (any_of(0, (OWN,), _NO),)
    own_or_caller = (any_of(0, (0, OWN), _NO),)
    return {
        "clone": (all_set(0, _THREAD, _NO), none_set(0, _NAMESPACES, _NO)),
        "kill": own,
        "tgkill": own,
        "tkill": own,  # musl raises signals by it, in its first thread
        "prctl": (any_of(0, _NAMES, _NO),),
        # An address would reach other sockets, even from one that has a partner.
        "sendto": (null(4, _NO),),
        "socketpair": (any_of(0, _UNIX, _NO),),  # asyncio wakes itself by a pair
        "fcntl": (any_of(1, _FLAGS, _NO),),
        "ioctl": (any_of(1, _HARMLESS, _NO),),
        "open": (none_set(1, _WRITES, _NO),),
        "openat": (none_set(2, _WRITES, _NO),),
        "prlimit64": own_or_caller,
        "sched_setaffinity": own_or_caller,
        "sched_setattr": own_or_caller,
        "sched_setparam": own_or_caller,
        "sched_setscheduler": own_or_caller,
    }


def filter_for(machine: str, level: str, *, files: bool) -> Filter:
    """The filter of a level.

    Args:
        machine: as `platform.machine` names it.
        level: ``"process"`` or ``"isolated"``.
        files: files may be opened for reading; what may be read is not decided here.

    Raises:
        KeyError: the machine is not known.
    """
    rules = _common()
    actions = {"clone3": _ABSENT, "openat2": _ABSENT}
    if level == "process":
        actions.update(dict.fromkeys(DENIED, _NO))
        rules["personality"] = (any_of(0, _LOOKED_UP, _NO),)
        return assemble(machine, actions, rules, otherwise=ALLOW, unknown=_ABSENT)
    actions.update(dict.fromkeys(ALLOWED, ALLOW))
    rules["arch_prctl"] = (any_of(0, _SEGMENTS, _NO),)
    rules["prlimit64"] = (any_of(0, (0, OWN), _NO), null(2, _NO))
    for name in ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"):
        del rules[name]
    rules["open"] = (none_set(1, _WRITES | _LOOKS, _NO),)
    rules["openat"] = (none_set(2, _WRITES | _LOOKS, _NO),)
    if not files:
        del rules["open"], rules["openat"]
        actions.update(open=_CLOSED, openat=_CLOSED)
    return assemble(machine, actions, rules, otherwise=_NO, unknown=_ABSENT)
