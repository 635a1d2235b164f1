"""What code that a model wrote may do, and which policy is in force here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from opto.errors import ArgumentError, SandboxError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LEVELS", "Level", "Policy", "policy_here", "use"]

Level: TypeAlias = Literal["none", "process", "isolated", "auto"]

# From the weakest to the strongest: `auto` is `isolated` where that is proven, else `process`.
LEVELS: tuple[Level, ...] = ("none", "process", "auto", "isolated")
VARIABLE = "OPTO_SANDBOX"

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", re.IGNORECASE)
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def bytes_of(size: str | int) -> int:
    """A size in bytes.

    Raises:
        SandboxError: it cannot be read.

    Example:
        >>> bytes_of("1.5 KB"), bytes_of(7)
        (1536, 7)
    """
    if isinstance(size, int):
        return size
    read = _SIZE.fullmatch(size)
    if read is None:
        raise SandboxError(f"{size!r} is no size; write a number of bytes, or '512MB'")
    return int(float(read[1]) * 1024 ** _UNITS[read[2].upper()])


_LEAST = {"time": 0.0, "total": 0.0, "output": -1, "result": 63, "host_calls": -1}
_TAKES_LEAST = ("time", "total", "output", "result", "host_calls")
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "time": float,
    "total": float,
    "memory": str,
    "output": bytes_of,
    "result": bytes_of,
    "host_calls": int,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What foreign code may do and use in one call. Nothing is allowed that does not stand here.

    Args:
        level: how strong the wall is: ``"none"`` (the code runs in this process), ``"process"``
            (a process of its own), ``"isolated"`` (that, and the kernel refuses files, network
            and programs), or ``"auto"`` (isolated where a test at start proves it, else process).
        time: seconds that the code itself may take; what it waits for the host is not counted.
        total: seconds of the clock from the call to its end, host calls included.
        memory: bytes that a call may take beyond the empty worker, as a number or as ``"1GB"``
            (a KB is 1024 bytes).
        output: bytes of printed text that are kept; the rest is dropped.
        result: bytes of the value that is returned.
        read: folders that the code may read, and not write; those that the names mean where
            the policy is made. The code runs in the working folder of this process.
        host: functions of this process that the code may call, by the name it calls them by.
            They run here, with what the code chooses to hand them: check it. None of them is
            interrupted when time is over; the code is stopped as soon as it returns.
        host_calls: how often one call may call them.
        preload: modules that the worker imports once, before it sees any code.
        seed: where chance begins. The n-th of equal calls draws the same numbers in every run.
        engine: what runs the code: ``"cpython"``, this Python with its packages behind walls of the
            kernel; ``"monty"``, an interpreter of a part of Python (extra ``monty``); or a name
            that a package registered in the entry-point group ``opto`` as ``engine.<name>``.

    Raises:
        SandboxError: a limit makes no sense; the message names it.

    Example:
        >>> Policy(time=2, memory="256MB").memory_bytes
        268435456
    """

    level: Level = "auto"
    time: float = 5.0
    total: float = 60.0
    memory: str | int = "1GB"
    output: int = 64 * 1024
    result: int = 16 * 1024 * 1024
    read: tuple[str, ...] = ()
    host: Mapping[str, Callable[..., Any]] = field(default_factory=dict, hash=False)
    host_calls: int = 100
    preload: tuple[str, ...] = ()
    seed: int = 0
    engine: str = "cpython"

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise SandboxError(f"there is no level {self.level!r}{nearest(self.level, LEVELS)}")
        for name, least in _LEAST.items():
            given = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, int | float) or not given > least:
                raise SandboxError(f"Policy({name}={given!r}): a number above {least} was expected")
        if bytes_of(self.memory) < 1 << 20:
            raise SandboxError(f"Policy(memory={self.memory!r}): a megabyte is the least")
        for name in ("read", "preload"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise SandboxError(f"Policy({name}={given!r}): a tuple of names was expected")
            object.__setattr__(self, name, tuple(map(os.fspath, given)))
        # Which folder is meant must not change when the program goes to another.
        object.__setattr__(self, "read", tuple(map(_whole, self.read)))
        _check_host(self.host)
        object.__setattr__(self, "host", dict(self.host))

    @property
    def memory_bytes(self) -> int:
        """The memory that a call may take, in bytes."""
        return bytes_of(self.memory)

    def within(self, stricter: Policy) -> Policy:
        """What both policies allow: never more than this one.

        Example:
            >>> both = Policy(level="isolated", time=5).within(Policy(level="process", time=2))
            >>> both.level, both.time
            ('isolated', 2)
        """
        least = {name: min(getattr(self, name), getattr(stricter, name)) for name in _TAKES_LEAST}
        return replace(
            self,
            level=_stronger(self.level, stricter.level),
            memory=min(self.memory, stricter.memory, key=bytes_of),
            read=_in_both(self.read, stricter.read),
            host={name: f for name, f in self.host.items() if name in stricter.host},
            **least,
        )


def _whole(folder: str) -> str:
    return os.path.abspath(os.path.expanduser(folder))  # noqa: PTH100, PTH111 - links stay


def _check_host(host: Any) -> None:
    if not isinstance(host, Mapping):
        raise SandboxError(f"Policy(host={host!r}): functions by name were expected")
    for name, granted in host.items():
        if not str(name).isidentifier():
            raise SandboxError(f"Policy(host=...): {name!r} is no name of a function")
        if not callable(granted):
            raise SandboxError(f"Policy(host=...): {name!r} is {granted!r}, which is no function")


def _stronger(one: Level, other: Level) -> Level:
    return max(one, other, key=LEVELS.index)


def _in_both(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that lie in folders of both."""

    def inside(folder: str, others: tuple[str, ...]) -> bool:
        place = Path(folder).resolve()
        return any(place.is_relative_to(Path(other).resolve()) for other in others)

    kept = [folder for folder in ours if inside(folder, theirs)]
    kept += [folder for folder in theirs if inside(folder, ours) and folder not in kept]
    return tuple(kept)


# What `use` has put in force for this thread or task.
_IN_FORCE: ContextVar[Policy | None] = ContextVar("opto_sandbox_policy", default=None)


@contextmanager
def use(policy: Level | Policy | None = None, **changes: Any) -> Iterator[Policy]:
    """The policy of all code within that has none of its own.

    Args:
        policy: a level, or a whole policy; without it, the one in force is changed.
        changes: fields of `Policy` that differ.

    Returns:
        A context manager that gives the policy.

    Raises:
        ArgumentError: a field is unknown.
        SandboxError: a limit makes no sense.

    Example:
        >>> with use("isolated", time=10):
        ...     policy_here().time
        10
    """
    known = [f.name for f in fields(Policy)]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise ArgumentError.unknown("sandbox.use()", unknown, known)
    token = _IN_FORCE.set(replace(_based(policy), **changes))
    try:
        yield cast("Policy", _IN_FORCE.get())
    finally:
        _IN_FORCE.reset(token)


def policy_here(own: Policy | Level | None = None) -> Policy:
    """The policy in force for a function.

    Its own counts, else that of the nearest `use`, else the default. The environment variable
    ``OPTO_SANDBOX`` (``isolated``, ``process,time=2``, ``isolated,memory=256MB,host_calls=0``)
    can make it stricter, and never weaker.

    Args:
        own: what the function itself asks for: a policy, or a level.

    Raises:
        SandboxError: what the environment or the function asks for cannot be read.
    """
    wanted = _based(own)
    said = os.environ.get(VARIABLE)
    return _tightened(wanted, **_from_text(said)) if said else wanted


def _based(policy: Policy | str | None) -> Policy:
    if isinstance(policy, Policy):
        return policy
    here = _IN_FORCE.get() or Policy()
    return here if policy is None else replace(here, level=cast("Level", policy))


def _tightened(policy: Policy, **limits: Any) -> Policy:
    """The policy with the limits that are stricter than its own."""
    return policy.within(replace(policy, **limits))


@lru_cache(maxsize=8)
def _from_text(said: str) -> dict[str, Any]:
    """The limits that an environment variable names."""
    level, *rest = (part.strip() for part in said.split(","))
    if level not in LEVELS:
        raise SandboxError(f"{VARIABLE}={said!r}: the level comes first{nearest(level, LEVELS)}")
    limits: dict[str, Any] = {"level": level}
    for part in rest:
        name, _, value = (piece.strip() for piece in part.partition("="))
        read = _FROM_TEXT.get(name)
        if read is None:
            near = nearest(name, _FROM_TEXT)
            raise SandboxError(f"{VARIABLE}={said!r}: there is no limit {name!r}{near}")
        try:
            limits[name] = read(value)
        except ValueError:
            raise SandboxError(f"{VARIABLE}={said!r}: {value!r} is no number") from None
    return limits
