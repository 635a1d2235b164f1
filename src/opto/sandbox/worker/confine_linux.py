"""What the kernel of Linux is asked for by number: filters, Landlock, namespaces, capabilities.

The numbers are those of the kernel's headers, and the same on every machine that is known here
but for the system calls. An attempt that failed raises `OSError`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "MACHINE",
    "Landlock",
    "capabilities",
    "drop_capabilities",
    "landlock_version",
    "load_filter",
    "prctl",
    "prctl_or_raise",
    "share_arenas",
    "unshare",
]

MACHINE = platform.machine()

NO_NEW_PRIVILEGES, DUMPABLE, DIES_WITH_PARENT = 38, 4, 1
GET_NO_NEW_PRIVILEGES, GET_SECCOMP, GET_DUMPABLE = 39, 21, 3
NEW_NET, NEW_PID, NEW_IPC, NEW_NAMES, NEW_USER = (
    0x40000000,
    0x20000000,
    0x08000000,
    0x04000000,
    0x10000000,
)
SET_GROUPS, SET_USERS, KILL_OTHERS, READ_ANY, MANAGE = 6, 7, 5, 2, 21

_SECCOMP = 22
_FILTERED = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT = 444, 445, 446
_WHICH_VERSION = 1
_BENEATH = 1
_READ = 1 << 2 | 1 << 3  # a file, a folder
_CAPABILITIES = struct.pack("=Ii", 0x20080522, 0)
_MOST_ARENAS = -8
_LEAST_KEPT = 200  # code of others counts descriptors from below


# Found when it is needed last: a locked child could not look for it.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def _call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def prctl(option: int, value: int = 0) -> int:
    """Set or read something of this process; -1 if that is not possible."""
    return int(_libc.prctl(option, value, 0, 0, 0))


def prctl_or_raise(option: int, value: int) -> None:
    """Set something of this process.

    Raises:
        OSError: it cannot be set.
    """
    if prctl(option, value) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def share_arenas() -> None:
    """Let threads take memory from one place; by default each reserves 64 MB of addresses."""
    settle = getattr(_libc, "mallopt", None)  # musl has neither the question nor the call
    if settle is not None:
        settle(_MOST_ARENAS, 1)


def load_filter(code: bytes) -> None:
    """Have every system call of this thread judged from now on; nothing ends it."""
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(kept))
    held = ctypes.create_string_buffer(program, len(program))
    if _libc.prctl(_SECCOMP, _FILTERED, ctypes.addressof(held), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def unshare(what: int) -> None:
    """Leave namespaces, or let children be born in others."""
    if _libc.unshare(ctypes.c_int(what)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def capabilities() -> int:
    """What this process may do that others may not, as the kernel's bits."""
    found = ctypes.create_string_buffer(24)
    head = ctypes.create_string_buffer(_CAPABILITIES, 8)
    if _libc.capget(head, found) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    words = struct.unpack("=6I", found.raw)
    return int(words[0] | words[3] << 32)


def drop_capabilities(*kept: int) -> None:
    """Give up all capabilities for good, but these if they are there."""
    bits = sum(1 << one for one in kept) & capabilities()
    low, high = bits & 0xFFFFFFFF, bits >> 32
    sets = ctypes.create_string_buffer(struct.pack("=6I", low, low, 0, high, high, 0), 24)
    head = ctypes.create_string_buffer(_CAPABILITIES, 8)
    if _libc.capset(head, sets) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def landlock_version() -> int:
    """Which version of Landlock the kernel speaks; 0 where it has none, or it is switched off."""
    try:
        return _call(_CREATE_RULESET, None, 0, _WHICH_VERSION)
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES}:
            return 0
        raise


@dataclass(frozen=True)
class Landlock:
    """Folders that may be read; all other files and all of the network are closed.

    Attributes:
        version: of the kernel's interface.
        ruleset: descriptor of the rules.
    """

    version: int
    ruleset: int

    @classmethod
    def reading(cls, version: int, paths: list[str]) -> Landlock:
        """The rules that let these folders and files be read, as far as they exist."""
        # The rights that each version learned: 13 at first, then moving, cutting, devices.
        rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
        words = [(1 << rights) - 1]
        if version >= 4:
            words.append(0b11)  # TCP: bind and connect
        if version >= 6:
            words.append(0b11)  # abstract sockets and signals stay inside
        attributes = struct.pack(f"={len(words)}Q", *words)
        found = _call(_CREATE_RULESET, attributes, len(attributes), 0)
        ruleset = fcntl.fcntl(found, fcntl.F_DUPFD_CLOEXEC, _LEAST_KEPT)
        os.close(found)
        for path in paths:
            _let_read(ruleset, path)
        return cls(version, ruleset)

    def enter(self) -> None:
        """Hold this process, and all that it starts, to the rules."""
        _call(_RESTRICT, self.ruleset, 0)
        os.close(self.ruleset)


def _let_read(ruleset: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there, or not to be seen, is not read either
    try:
        rights = _READ if Path(path).is_dir() else _READ & ~(1 << 3)
        _call(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
