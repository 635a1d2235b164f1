"""The walls around foreign code: made once, put up in each child before it sees the code.

`prepare` runs in the process that children are forked from, and makes what can be made
beforehand; `Prepared.lock` runs in the child, and there is no way back from it. It imports
nothing but the standard library and its neighbours, because this process must hold nothing
that foreign code could find.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import confine_folders, confine_hook, confine_limits
from .confine_modules import COMMON

if sys.platform == "linux":
    from . import confine_linux as linux
    from . import confine_spaces
    from .confine_rules import filter_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .confine_bpf import Filter

__all__ = ["NotConfined", "Prepared", "prepare"]

_MANY_FILES = 256
_SHARED_THREADS = 256  # where all children are counted together
_COUNTED_APART = (5, 14)  # from this Linux on, a user namespace counts its own threads
_COUNT_HOLDS = 1.0  # s


class NotConfined(RuntimeError):
    """A wall does not stand, so no foreign code may run in this process."""


@dataclass
class Prepared:
    """The walls, ready to be put up.

    Attributes:
        level: ``"process"`` or ``"isolated"``.
        held: what the machine lets us have, as plain data: ``seccomp``, ``landlock`` (version
            of the interface, or 0), ``namespaces``, ``files`` (libraries may still be read).
        readable: what may be read.
        limits: of the process, by the names of `resource`.
        syscalls: the filter for system calls, or None.
        landlock: the rules on files, or None.
        apart: the highest of the users whom nobody is, if children run as such; or 0.
        leave: such a user may read what is needed, so nothing of root is kept.
        hook: Python's own events are refused, too.
        parent: the process that was prepared.
        counted: when the threads of the user were counted last, and how many there were.
    """

    level: str
    held: dict[str, Any]
    readable: tuple[str, ...]
    limits: dict[str, int]
    syscalls: Filter | None = None
    landlock: Any = None
    apart: int = 0
    leave: bool = False
    hook: bool = True
    parent: int = 0
    counted: tuple[float, int] = field(default=(-math.inf, 0))

    def before_fork(self) -> None:
        """Have the threads of the user counted anew, if the count is old and is needed."""
        counts = sys.platform == "linux" and not self.apart
        if not counts or "user" in self.held["namespaces"] or not Path("/proc").is_dir():
            return
        now = time.monotonic()
        if now - self.counted[0] > _COUNT_HOLDS:
            self.counted = (now, confine_limits.tasks_of(os.getuid()))

    def lock(self, *, hook: bool = True) -> None:
        """Put up all walls around this process, for good.

        Args:
            hook: also refuse by Python's own events; without it only the kernel refuses.

        Raises:
            NotConfined: one of them does not stand.
        """
        try:
            # Windows has no sessions; and who leads one already may not lead another.
            with suppress(PermissionError, AttributeError):
                os.setsid()
            left = confine_limits.limit({**self.limits, "NPROC": self._threads()})
            if left and sys.platform == "linux":
                raise NotConfined(f"these limits cannot be set: {', '.join(left)}")
            if sys.platform == "linux":
                self._lock_by_kernel()
        except OSError as error:
            raise NotConfined(f"the kernel refused a wall: {error}") from error
        if hook and self.hook:
            confine_hook.fasten(self.readable if self.held["files"] else ())

    def _threads(self) -> int:
        if self.apart:
            return confine_limits.THREADS
        if self.counted[1]:
            return self.counted[1] + _SHARED_THREADS
        return _SHARED_THREADS

    def _lock_by_kernel(self) -> None:
        if self.apart:
            number = self.apart - os.getpid() % confine_limits.MANY
            kept = number if self.leave else os.geteuid()
            if self.leave:
                os.setresgid(number, number, number)
            os.setresuid(number, kept, kept)
        linux.prctl_or_raise(linux.NO_NEW_PRIVILEGES, 1)
        if self.landlock is not None:
            self.landlock.enter()
        linux.drop_capabilities()
        linux.prctl_or_raise(linux.DUMPABLE, 0)
        linux.prctl_or_raise(linux.DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != self.parent:
            raise NotConfined("the process that this one came from is gone")
        if self.syscalls is not None:
            linux.load_filter(self.syscalls.of(os.getpid()))
            if linux.prctl(linux.GET_SECCOMP) != 2:
                raise NotConfined("the filter for system calls is not in force")
        if linux.prctl(linux.GET_NO_NEW_PRIVILEGES) != 1 or linux.capabilities():
            raise NotConfined("this process kept privileges")


def prepare(spec: Mapping[str, Any]) -> Prepared:
    """Make the walls. Call it when all modules that shall be at hand are imported.

    It may fork (see `confine_spaces.enter`): what returns is the process to go on with.

    Args:
        spec: plain data: ``level``, ``memory`` (bytes for a call, beside what this process
            takes), ``read`` (folders), ``libraries`` (further folders to import from),
            ``time`` (s of the processor), ``nofile``, and ``without``: walls that shall be
            done without, for tests: ``namespaces``, ``landlock``, ``landlock=<version>``,
            ``seccomp``, ``hook``.

    Raises:
        NotConfined: the level cannot be had on this machine.
    """
    without = set(spec.get("without", ()))
    level = spec["level"]
    version = 0 if sys.platform != "linux" or level != "isolated" else _version(without)
    filtered = sys.platform == "linux" and "seccomp" not in without and _has_filters()
    if level == "isolated" and not filtered:
        raise NotConfined("isolated code needs Linux, on x86-64 or 64-bit ARM, with seccomp")
    files = level != "isolated" or version > 0
    if not files:
        _import_common()
    granted = [os.path.realpath(place) for place in spec.get("read", ())]
    readable = [
        *confine_folders.libraries(),
        *(os.path.realpath(place) for place in spec.get("libraries", ())),
        *granted,
    ]
    prepared = Prepared(
        level=level,
        held={"seccomp": filtered, "landlock": version, "files": files, "namespaces": []},
        readable=tuple(readable),
        limits=_limits(spec),
        hook="hook" not in without,
    )
    if sys.platform == "linux":
        _prepare_by_kernel(prepared, spaces="namespaces" not in without)
    return prepared


def _version(without: set[str]) -> int:
    version = linux.landlock_version()
    for word in without:
        name, _, most = word.partition("=")
        if name == "landlock":
            version = min(version, int(most or 0))
    return version


def _has_filters() -> bool:
    return linux.MACHINE in {"x86_64", "aarch64"} and linux.prctl(linux.GET_SECCOMP) >= 0


def _prepare_by_kernel(prepared: Prepared, *, spaces: bool) -> None:
    with suppress(OSError):  # where memory ends, the kernel shall take this one and not the host
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    linux.share_arenas()
    root = os.geteuid() == 0
    able = linux.capabilities()
    if spaces:
        prepared.held["namespaces"] = list(confine_spaces.enter())
    alone = "user" in prepared.held["namespaces"] and _release() >= _COUNTED_APART
    prepared.parent = os.getpid()
    if root and not alone and able >> linux.SET_USERS & 1:
        prepared.apart = confine_limits.strangers()
    if prepared.apart and able >> linux.SET_GROUPS & 1:
        os.setgroups([])
        prepared.leave = confine_folders.open_to_all(prepared.readable)
    linux.drop_capabilities(linux.SET_USERS, linux.SET_GROUPS, linux.KILL_OTHERS)
    if prepared.held["seccomp"]:
        files = prepared.held["files"]
        prepared.syscalls = filter_for(linux.MACHINE, prepared.level, files=files)
    if prepared.held["landlock"]:
        places = list(prepared.readable)
        prepared.landlock = linux.Landlock.reading(prepared.held["landlock"], places)
    # Neither memory nor environment of this process is to be seen by its children.
    linux.prctl_or_raise(linux.DUMPABLE, 0)


def _release() -> tuple[int, ...]:
    numbers = os.uname().release.split("-")[0].split(".")
    return tuple(int(number) for number in numbers[:2] if number.isdigit())


def _limits(spec: Mapping[str, Any]) -> dict[str, int]:
    limits = {
        "CORE": 0,
        "FSIZE": 0,
        "NOFILE": spec.get("nofile", _MANY_FILES),
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
        "RTPRIO": 0,
        "NICE": 0,
    }
    taken = max(confine_limits.address_space(), spec.get("vm", 0))
    if taken:  # elsewhere than on Linux the limit does nothing or fails
        limits["AS"] = taken + spec["memory"]
    if "time" in spec:
        limits["CPU"] = math.ceil(spec["time"]) + 1
    return limits


def _import_common() -> None:
    for name in COMMON:
        with suppress(ImportError):
            import_module(name)
