"""What foreign code must not change in a process: a picture of it, and what differs from it."""

from __future__ import annotations

import builtins
import decimal
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["changes", "memory_peak", "picture", "reset_peak"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)


def _limits() -> Any:
    if sys.platform == "win32":
        return ()
    import resource  # lazy: Windows has none

    return tuple(
        resource.getrlimit(getattr(resource, name))
        for name in sorted(dir(resource))
        if name.startswith("RLIMIT_")
    )


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


_PARTS: dict[str, Callable[[], Any]] = {
    "builtins": lambda: {name: id(value) for name, value in vars(builtins).items()},
    "modules": lambda: {name: id(module) for name, module in sys.modules.items()},
    "environment": lambda: dict(os.environ),
    "working folder": os.getcwd,
    "search path": lambda: list(sys.path),
    "finders": lambda: [id(finder) for finder in (*sys.meta_path, *sys.path_hooks)],
    "recursion limit": sys.getrecursionlimit,
    "switch interval": sys.getswitchinterval,
    "signal handlers": lambda: [signal.getsignal(number) for number in _SIGNALS],
    "decimal context": lambda: repr(decimal.getcontext()),
    "small integers": lambda: [sum([n, 1]) for n in range(-4, 30)] == list(range(-3, 31)),
    "hooks": lambda: [
        id(hook) for hook in (sys.gettrace(), sys.getprofile(), sys.excepthook, sys.displayhook)
    ],
    "streams": lambda: [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "limits": _limits,
    "mask": _mask,
    "collector": lambda: (gc.isenabled(), gc.get_threshold()),
    "threads": _threads,
}


def picture() -> dict[str, Any]:
    """The state of this interpreter."""
    return {name: look() for name, look in _PARTS.items()}


def changes(before: dict[str, Any]) -> list[str]:
    """What is not as it was; modules that came newly are no change."""
    after = picture()
    for growing in ("modules",):
        after[growing] = {n: i for n, i in after[growing].items() if n in before[growing]}
    return [name for name in _PARTS if before[name] != after[name]]


def reset_peak() -> None:
    """Count the most memory anew, where the system can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory_peak() -> int:
    """The most memory that this process has had, in bytes."""
    if sys.platform != "linux":
        return 0
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
