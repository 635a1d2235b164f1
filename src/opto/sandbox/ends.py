"""How a process ended that gave no answer, as the worker saw it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from opto.sandbox.worker.report import REPORT

if TYPE_CHECKING:
    from opto.sandbox.outcome import Status

__all__ = ["end_of"]

KILLED = 9


def end_of(report: bytes, memory: int) -> tuple[Status, str]:
    """The status and the words for a report.

    Args:
        report: what came by the leash.
        memory: bytes that the call was granted.

    Example:
        >>> end_of(REPORT.pack(3, 1000, 0.0, 0.0), 1 << 30)
        ('died', 'ended its process itself (exit code 3)')
        >>> end_of(REPORT.pack(-11, 1000, 0.0, 0.0), 1 << 30)
        ('died', 'crashed its process (SIGSEGV)')
    """
    code, peak, *_ = REPORT.unpack(report)
    if code >= 0:
        return "died", f"ended its process itself (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    # Nobody else kills it than the system, and that for want of memory.
    if -code == KILLED and 1024 * peak > memory // 2:
        return "memory", f"was stopped for want of memory ({name})"
    return "died", f"crashed its process ({name})"
