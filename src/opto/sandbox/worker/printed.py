"""What code prints goes to the host line by line, up to a limit."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["capture"]


class Capped(io.RawIOBase):
    """A file that takes everything and passes on the first bytes only.

    Args:
        write: where it passes them on to.
        most: how many.
    """

    def __init__(self, write: Callable[[memoryview], int], most: int) -> None:
        super().__init__()
        self._write, self._left = write, most

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def fileno(self) -> int:
        """Its number among the files of the process."""
        return 1

    def write(self, data: object) -> int:
        """Pass on what may still be, and say that all of it was."""
        given = memoryview(data).cast("B")  # type: ignore[arg-type]
        part = given[: self._left]
        self._left -= len(part)
        while part:
            part = part[self._write(part) :]
        return len(given)


def capture(write: Callable[[memoryview], int], most: int) -> Callable[[], None]:
    """Let `print` and its like write to the host; returns what flushes them."""
    raw = io.BufferedWriter(Capped(write, most), 8192)
    stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        setattr(sys, name, stream)
    return stream.flush
