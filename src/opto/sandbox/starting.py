"""How a worker is started: what it is made for, and the little that it is given."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opto.sandbox.worker import codec

__all__ = ["LIMITS", "PYTHON", "Kind", "environment"]

START = Path(__file__).with_name("worker") / "start.py"
PYTHON = (sys.executable, "-I", "-B", str(START))
LIMITS = codec.Limits.of(1 << 20)
# A worker sees these variables of the host's environment, and no others.
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a worker is made for; calls that agree in this share one.

    Attributes:
        level: ``"process"`` or ``"isolated"``.
        memory: bytes that a call may take.
        read: folders that may be read, by their real paths.
        preload: modules that are imported before.
        without: walls that are left out, for tests.
    """

    level: str
    memory: int
    read: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def spec(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "level": self.level,
            "memory": self.memory,
            "read": list(self.read),
            "preload": list(self.preload),
            "without": list(self.without),
        }


def environment() -> dict[str, str]:
    """The environment of a worker: nothing of the host's that could be a secret."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    alone = {f"{library}_NUM_THREADS": "1" for library in ONE_THREAD}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/", **alone, **kept}
