"""Where fetched weights are kept, and what makes a kept file the right one."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.llm.local.pins import Weights

__all__ = ["cache_folder", "exclusive", "mismatch"]

CHUNK = 1 << 20


def cache_folder() -> Path:
    """The folder that fetched weights are kept in: `OPTO_CACHE`, or `opto` in the user's cache.

    Example:
        >>> import os
        >>> os.environ["OPTO_CACHE"] = "/tmp/weights"
        >>> cache_folder().as_posix()
        '/tmp/weights'
        >>> del os.environ["OPTO_CACHE"]
    """
    if own := os.environ.get("OPTO_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path("~/.cache").expanduser()) / "opto"


def mismatch(file: Path, weights: Weights) -> str | None:
    """Why `file` is not the pinned one; None when it is."""
    stat = file.stat()
    if stat.st_size != weights.size:
        return f"its length is {stat.st_size:,} bytes and should be {weights.size:,}"
    found = _sha256(file, stat.st_size, stat.st_mtime_ns)
    if found != weights.sha256:
        return f"its SHA-256 is {found} and should be {weights.sha256}"
    return None


# Hashing a gigabyte takes seconds, so once per process and version of the file is enough.
@lru_cache(maxsize=16)
def _sha256(file: Path, _size: int, _mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process (or thread) at a time in; the system lets go when a process dies."""
    with path.open("a+b") as handle:
        _acquire(handle)
        try:
            yield
        finally:
            _release(handle)


if sys.platform == "win32":
    import msvcrt
    import time

    def _acquire(handle: IO[bytes]) -> None:
        handle.seek(0)
        while True:
            try:
                return msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            except PermissionError:
                time.sleep(0.2)

    def _release(handle: IO[bytes]) -> None:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _release(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
