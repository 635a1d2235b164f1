"""How a worker tells of a child's end, by its leash. Used by both sides."""

from __future__ import annotations

import struct

__all__ = ["NOT_FORKED", "REPORT", "WHERE"]

# Wait status, most memory in KB, seconds of user and of system.
REPORT = struct.Struct("<iqdd")
NOT_FORKED = -1
# Said by the host: make the child tell where it is.
WHERE = b"?"
