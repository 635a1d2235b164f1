"""What a confined process may read: the libraries of its interpreter, and what it was granted.

Never a whole prefix: beside its libraries may lie settings with somebody's token in them.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["libraries", "open_to_all"]

_PACKAGES = {"site-packages", "dist-packages"}
# Shared libraries of the system, where the loader looks for them, time zones, and devices
# that hold nothing. The stores of Nix and Guix are libraries as a whole.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
)


def libraries() -> list[str]:
    """The folders that imports are read from, of those that exist."""
    installed = sysconfig.get_paths()
    found = [installed[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [place for place in sys.path if Path(place).name in _PACKAGES]
    found += [str(Path(base, "lib")) for base in (sys.base_prefix, sys.base_exec_prefix)]
    places = {os.path.realpath(place) for place in (*found, *_SYSTEM)}
    return sorted(place for place in places if Path(place).exists())


def open_to_all(places: Iterable[str]) -> bool:
    """Whether every user of the machine may read in these places."""
    for place in places:
        try:
            ways = [Path(place), *Path(place).parents]
            folder = Path(place).is_dir()
            modes = [way.stat().st_mode for way in ways]
        except OSError:
            return False
        if not modes[0] & stat.S_IROTH or (folder and not modes[0] & stat.S_IXOTH):
            return False
        if not all(mode & stat.S_IXOTH for mode in modes[1:]):
            return False
    return True
