"""What a worker and the host say about children. Used by both sides."""

from __future__ import annotations

import struct

__all__ = ["AHEAD", "FAILED", "FORKED", "REPORT", "WANTED", "WHERE"]

# Exit code, negative for a signal; most memory in KB, seconds of user and of system.
REPORT = struct.Struct("<iqdd")
# Said by the host: make the child tell where it is.
WHERE = b"?"
# By the worker's own socket: the host wants one more child, and gets it, or cannot have it.
WANTED, FORKED, FAILED = b"c", b"f", b"n"
# So many are forked before they are wanted.
AHEAD = 1
