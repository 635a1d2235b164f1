"""A process that locks itself and tries what is forbidden: does this machine keep the promise?

Run as a script, with the specification as its argument; it prints JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .confine import Prepared

__all__ = ["prove"]

_SEIZE = 0x4206
_FOR_READING = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)


def prove(prepared: Prepared) -> dict[str, Any]:
    """What a locked child could not do, and what it could.

    Args:
        prepared: the walls, in the process that they were prepared in.

    Returns:
        ``refused`` and ``failed``, the names of the attempts; a child that did not come to its
        end fails as ``lock`` with the reason.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _try_all(prepared, theirs)
    os.close(theirs)
    with open(ours, "rb") as answer:  # noqa: PTH123  (a descriptor, no path)
        said = answer.read()
    os.waitpid(child, 0)
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"refused": [], "failed": ["lock: the child died"]}
    return found


def _try_all(prepared: Prepared, theirs: int) -> None:
    try:
        prepared.lock(hook=False)
    except Exception as error:  # noqa: BLE001  (whatever it is, no wall stands)
        found = {"refused": [], "failed": [f"lock: {error}"]}
    else:
        attempts = _attempts(prepared)
        refused = [name for name, attempt in attempts.items() if _is_refused(attempt)]
        found = {"refused": refused, "failed": [n for n in attempts if n not in refused]}
        if not _imports():
            found["failed"].append("import from the library")
    os.write(theirs, json.dumps(found).encode())
    os._exit(0)


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    except Exception:  # noqa: BLE001  (that it failed for another reason proves nothing)
        return False
    return False


def _attempts(prepared: Prepared) -> Mapping[str, Callable[[], object]]:
    """Forbidden things. Those that succeed do no harm to the machine."""
    parent = os.getppid()
    attempts: dict[str, Callable[[], object]] = {
        "write a file": lambda: os.open(os.devnull, os.O_WRONLY),
        "change a file": lambda: os.truncate(sys.executable + ".is-not-there", 0),
        "open a socket": lambda: socket.socket(socket.AF_INET),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "start a process": _fork,
        "start a program": _start,
        "signal a process": lambda: os.kill(parent, 0),
        "trace a process": lambda: _system("ptrace", _SEIZE, parent, 0, 0),
        "change another's limits": lambda: _limit(parent),
        "leave a namespace": lambda: _system("unshare", 0),
        "mount a file system": lambda: _system("mount", None, None, None, 0, None),
        "become another user": lambda: os.setresuid(-1, -1, -1),
        "make memory that no limit counts": lambda: os.memfd_create("probe"),
    }
    if prepared.level == "isolated":
        attempts["read a file"] = lambda: os.open(sys.executable, _FOR_READING)
        attempts["list a folder"] = lambda: os.open("/", _FOR_READING)
    return attempts


def _system(name: str, *arguments: int | None) -> None:
    """Call the C library; what it refuses is raised."""
    given = [a if a is None else ctypes.c_long(a) for a in arguments]
    if getattr(_libc, name)(*given) < 0:
        raise OSError(ctypes.get_errno(), name)


_libc = ctypes.CDLL(None, use_errno=True)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _start() -> None:
    # Where the kernel lets it pass there is no such program, and that is another error.
    os.execv(sys.executable + ".is-not-there", ["x"])  # noqa: S606 - that is what is tried


def _limit(process: int) -> None:
    import resource  # lazy: there is none on Windows, where nothing of this runs

    resource.prlimit(process, resource.RLIMIT_CORE)


def _imports() -> bool:
    """Honest code can still do what it needs: import a module, start a thread."""
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(os.getpid()))
    with suppress(RuntimeError):
        thread.start()
        thread.join(5)
    try:
        import colorsys  # lazy: the point is that it is read now
    except ImportError:
        return False
    return bool(done) and colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)
