"""A time limit for code that a model wrote and nobody has read.

It works by Python's trace function, so it needs no signal, thread or process, and is the
same on every system. It ends loops in Python; a single call into C runs to its end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from time import thread_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["time_limit"]


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in functions called inside once `seconds` have passed.

    Args:
        seconds: how much of the processor's time the block may take; a busy machine does
            not count against it.

    Example:
        >>> def forever():
        ...     while True:
        ...         pass
        >>> with time_limit(0.05):
        ...     forever()
        Traceback (most recent call last):
            ...
        TimeoutError: it ran for more than 0.05 s
    """
    end = thread_time() + seconds

    def watch(frame: FrameType, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes = True  # `while True: pass` on one line never begins a new line
        if thread_time() > end:
            raise TimeoutError(f"it ran for more than {seconds:g} s")
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)
