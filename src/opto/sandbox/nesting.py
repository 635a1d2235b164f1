"""Foreign code that calls foreign code through the host: how deep, and within whose time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opto.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.sandbox.policy import Policy

__all__ = ["DEEPEST", "nested"]

# Each call within a call holds a process, and the stack of the host.
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class _Around:
    """The calls around: how many, and when the outermost must have ended."""

    depth: int
    until: float


_AROUND: ContextVar[_Around | None] = ContextVar("opto_sandbox_around", default=None)


@contextmanager
def nested(policy: Policy) -> Iterator[Policy]:
    """One more call; the policy with no more time than the calls around it have left.

    Raises:
        SandboxError: there are too many around it, or they have no time left.
    """
    around, now = _AROUND.get() or _Around(0, float("inf")), time.monotonic()
    if around.depth >= DEEPEST:
        raise SandboxError(
            f"the code has called itself through your program {DEEPEST} times over, without end"
        )
    if around.until <= now:
        raise SandboxError("the time of the call that this call is made by is used up")
    held = replace(policy, total=min(policy.total, around.until - now))
    token = _AROUND.set(_Around(around.depth + 1, now + held.total))
    try:
        yield held
    finally:
        _AROUND.reset(token)
