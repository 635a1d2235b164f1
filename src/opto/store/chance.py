"""Chance that repeats: what a program draws, it draws again when it is resumed."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fresh_seed", "same_chance"]


def fresh_seed() -> int:
    """A seed that nobody has had; it takes nothing from the program's own chance."""
    return random.SystemRandom().getrandbits(32)


@contextmanager
def same_chance(seed: int) -> Iterator[None]:
    """Let `random`, and numpy where it is imported, begin from `seed` until the block is left.

    Afterwards they go on as if nothing had been.

    Example:
        >>> draws = []
        >>> for _ in range(2):
        ...     with same_chance(7):
        ...         draws.append(random.random())
        >>> draws[0] == draws[1]
        True
    """
    numpy = getattr(sys.modules.get("numpy"), "random", None)
    before = random.getstate()
    theirs = numpy.get_state() if numpy else None
    random.seed(seed)
    if numpy:
        numpy.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.set_state(theirs)
