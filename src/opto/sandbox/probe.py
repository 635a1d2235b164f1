"""Does this machine keep the promise of a level? A child locks itself and tries to break out."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from opto.errors import SandboxUnavailable
from opto.sandbox.report import Report

__all__ = ["probe", "without"]

VARIABLE = "OPTO_SANDBOX_WITHOUT"

_SCRIPT = Path(__file__).parent / "worker" / "confine_start.py"
_MEMORY = 1 << 30
_PATIENCE = 30.0  # s; it takes a twentieth of one
# What an interpreter may need to start at all.
_NEEDED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def without() -> tuple[str, ...]:
    """Walls that shall be done without, from ``OPTO_SANDBOX_WITHOUT``.

    It is there to see what a machine would do that lacks them: ``namespaces``, ``landlock``,
    ``landlock=1`` (only its first version), ``seccomp``, ``hook`` (only the kernel refuses).
    ``isolated`` never gets weaker by it than it promises: where it cannot do without, it is not
    there.
    """
    said = os.environ.get(VARIABLE, "")
    return tuple(sorted({part.strip() for part in said.split(",") if part.strip()}))


def probe(level: Literal["process", "isolated", "auto"] = "auto") -> Report:
    """What foreign code runs under on this machine.

    The first question starts a process and takes about 0.1 s; the answer is kept.

    Args:
        level: what is wanted. ``"auto"`` is ``"isolated"`` where that holds, else ``"process"``
            with a warning.

    Raises:
        SandboxUnavailable: ``"isolated"`` was asked for and does not hold; the message says
            which attempts were not refused.

    Example:
        >>> probe("process").level
        'process'
    """
    missing = without()
    if level == "auto":
        return _best(missing)
    found = _tried(level, missing)
    if level == "isolated" and not found.holds:
        raise SandboxUnavailable(
            f"this machine cannot isolate code ({'; '.join(found.failed)}); it was asked for by"
            ' name, so nothing runs. Use level "auto" or "process" for code that you would run'
            " anyway, or another engine"
        )
    return found


@lru_cache(maxsize=8)
def _best(missing: tuple[str, ...]) -> Report:
    found = _tried("isolated", missing)
    if found.holds:
        return found
    lesser = _tried("process", missing)
    reading = "code that breaks Python's own guard could read your files"
    if not lesser.holds:
        reading += ", change them and use the network"
    warnings.warn(
        f"this machine cannot isolate foreign code ({'; '.join(found.failed)}); it runs in a"
        f" process of its own instead, where {reading}. `python -m opto.sandbox` tells more",
        RuntimeWarning,
        stacklevel=3,
    )
    return lesser


@lru_cache(maxsize=16)
def _tried(level: str, missing: tuple[str, ...]) -> Report:
    spec = {"level": level, "memory": _MEMORY, "without": missing}
    found = _run(spec)
    held = found.get("held", {})
    return Report(
        level=level,
        platform=platform.system(),
        kernel=platform.release(),
        seccomp=held.get("seccomp", False),
        landlock=held.get("landlock", 0),
        namespaces=tuple(held.get("namespaces", ())),
        refused=tuple(found["refused"]),
        failed=tuple(found["failed"]),
    )


def _run(spec: dict[str, Any]) -> dict[str, Any]:
    """What the probe says; a probe that says nothing has failed."""
    try:
        done = subprocess.run(  # noqa: S603 - this very Python, and a file of ours
            [sys.executable, "-I", "-B", str(_SCRIPT), json.dumps(spec)],
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"refused": [], "failed": ["the probe did not come to an end"]}
    except (OSError, ValueError) as error:
        return {"refused": [], "failed": [f"the probe could not run: {error}"]}
    return found
