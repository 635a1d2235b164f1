"""The audit hook: refuses by Python's own events what the policy refuses, with words that help.

It is the same on every system and says what was wrong in a sentence. It is a seat belt and no
wall: whoever is in the process can take it off, and then meets what the kernel refuses.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Check: TypeAlias = Callable[[str, tuple[Any, ...]], None]

__all__ = ["fasten"]

_NO_NETWORK = "there is no network here"
_NO_PROGRAMS = "there are no other programs here"
_NO_PROCESSES = "there is only this process here"
_NO_WRITING = "nothing can be written here; return it instead"
_NO_READING = "nothing can be read here that Policy(read=...) does not grant"
_NO_FILES = (
    "this machine has no Landlock, so no file can be opened here;"
    " modules come by Policy(preload=...)"
)

# What the code did, and why it may not; the keys are Python's audit events.
_REFUSED = {
    "socket.connect": ("opened a connection", _NO_NETWORK),
    "socket.bind": ("opened a socket for others", _NO_NETWORK),
    "socket.getaddrinfo": ("looked up a host", _NO_NETWORK),
    "socket.gethostbyname": ("looked up a host", _NO_NETWORK),
    "socket.gethostbyaddr": ("looked up a host", _NO_NETWORK),
    "socket.getnameinfo": ("looked up a host", _NO_NETWORK),
    "socket.sethostname": ("renamed the machine", _NO_NETWORK),
    "subprocess.Popen": ("started a program", _NO_PROGRAMS),
    "os.system": ("started a program", _NO_PROGRAMS),
    "os.exec": ("started a program", _NO_PROGRAMS),
    "os.posix_spawn": ("started a program", _NO_PROGRAMS),
    "os.spawn": ("started a program", _NO_PROGRAMS),
    "os.startfile": ("started a program", _NO_PROGRAMS),
    "webbrowser.open": ("opened a browser", _NO_PROGRAMS),
    "pty.spawn": ("started a program", _NO_PROGRAMS),
    "os.fork": ("started a process", _NO_PROCESSES),
    "os.forkpty": ("started a process", _NO_PROCESSES),
    "os.killpg": ("sent a signal", _NO_PROCESSES),
    "os.remove": ("deleted a file", _NO_WRITING),
    "os.rename": ("moved a file", _NO_WRITING),
    "os.rmdir": ("deleted a folder", _NO_WRITING),
    "os.mkdir": ("made a folder", _NO_WRITING),
    "os.link": ("made a link", _NO_WRITING),
    "os.symlink": ("made a link", _NO_WRITING),
    "os.truncate": ("cut a file", _NO_WRITING),
    "os.chmod": ("changed a file's rights", _NO_WRITING),
    "os.chown": ("changed a file's owner", _NO_WRITING),
    "os.chflags": ("changed a file's flags", _NO_WRITING),
    "os.utime": ("changed a file's times", _NO_WRITING),
    "os.setxattr": ("changed a file's attributes", _NO_WRITING),
    "os.removexattr": ("changed a file's attributes", _NO_WRITING),
    "tempfile.mkstemp": ("made a file", _NO_WRITING),
    "tempfile.mkdtemp": ("made a folder", _NO_WRITING),
    "dbm.open": ("opened a database", _NO_WRITING),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_UNIX = 1
_IN_MEMORY = (":memory:", b":memory:")


def fasten(readable: tuple[str, ...]) -> None:
    """From now on, refuse with `PermissionError` what is not granted.

    Args:
        readable: folders and files that may be read, as absolute paths; none where no file can be
            opened at all.
    """
    checks = _checks(readable)
    none: Check = _nothing

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        checks.get(event, none)(event, arguments)

    sys.addaudithook(hook)


def _nothing(_event: str, _arguments: tuple[Any, ...]) -> None:
    """Most events are nobody's business."""


def _checks(readable: tuple[str, ...]) -> dict[str, Check]:
    """What looks at which event."""
    files = _Files(readable)
    return {
        **dict.fromkeys(_REFUSED, _refuse),
        "open": files.opened,
        "os.listdir": files.listed,
        "os.scandir": files.listed,
        "ctypes.dlopen": files.loaded,
        "ctypes.dlsym": files.looked_up,
        "socket.__new__": _socket,
        "socket.sendto": _sent,
        "socket.sendmsg": _sent,
        "os.kill": _signal_of(os.getpid()),
        "sqlite3.connect": _database,
    }


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    did, why = _REFUSED[event]
    raise PermissionError(f"{did}: {why} ({event})")


def _socket(event: str, arguments: tuple[Any, ...]) -> None:
    if arguments[1] != _UNIX:  # asyncio wakes itself by a pair of them
        raise PermissionError(f"opened a socket: {_NO_NETWORK} ({event})")


def _sent(event: str, arguments: tuple[Any, ...]) -> None:
    if arguments[1] is not None:
        raise PermissionError(f"sent to an address: {_NO_NETWORK} ({event})")


def _signal_of(own: int) -> Check:
    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if arguments[0] != own:
            raise PermissionError(f"sent a signal: {_NO_PROCESSES} ({event})")

    return check


def _database(event: str, arguments: tuple[Any, ...]) -> None:
    if arguments[0] not in _IN_MEMORY:
        raise PermissionError(f"opened a database file: {_NO_WRITING} ({event})")


class _Files:
    """What may be read, and that nothing may be written."""

    def __init__(self, readable: tuple[str, ...]) -> None:
        self._why = _NO_READING if readable else _NO_FILES
        self._places = tuple(place.rstrip(os.sep) for place in readable)
        self._below = tuple(place + os.sep for place in self._places)
        # Kept here: what the code does to `os` does not change the hook.
        self._absolute, self._text = os.path.realpath, os.fsdecode

    def _may_read(self, path: Any) -> bool:
        place = self._absolute(self._text(path))
        return place in self._places or place.startswith(self._below)

    def opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if isinstance(path, int):
            return  # it was opened before
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError(f"opened {path!r} for writing: {_NO_WRITING} ({event})")
        self._read(event, path)

    def listed(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not isinstance(arguments[0], int):
            self._read(event, "." if arguments[0] is None else arguments[0])

    def _read(self, event: str, path: Any) -> None:
        if not self._may_read(path):
            raise PermissionError(f"read {path!r}: {self._why} ({event})")

    def loaded(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._by_c(event, arguments[0])

    def looked_up(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not str(arguments[1]).lstrip("_").startswith("Py"):
            self._by_c(event, getattr(arguments[0], "_name", None))

    def _by_c(self, event: str, library: Any) -> None:
        """Packages load libraries of their own; the system's C library goes round all events."""
        if library is None or os.sep not in str(library) or not self._may_read(library):
            raise PermissionError(f"called the system by way of C: that is closed here ({event})")
