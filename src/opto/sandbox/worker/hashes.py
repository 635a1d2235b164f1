"""Values whose hashes a program can choose: many with one hash make tables take quadratic time.

The hashes of texts, bytes and dates are secret, those of short integers and floats differ. All
others can be made equal: what comes with many of one hash was made to be slow. Two values are
equal if they are one and the same or compare so; a NaT of NumPy's is not even equal to itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .bits import Garbage

__all__ = ["MOST", "check"]

# More different values than this with one hash do not happen by chance.
MOST = 64
# To compare long values that differ late takes time, too: so many parts of them are looked at.
PARTS = 1 << 25


def check(values: list[Any]) -> None:
    """Raise `Garbage` if many different values have one hash, or if it takes long to tell.

    What has no hash is let pass.
    """
    if len(values) <= MOST:
        return
    try:
        hashes: list[int | None] = list(map(hash, values))
    except TypeError:  # a tuple with a list in it is no key
        hashes = [_hash(value) for value in values]
    often = {hashed for hashed, many in Counter(hashes).items() if many > MOST}
    if not often or often == {None}:
        return
    different: dict[Any, list[Any]] = {}
    left = PARTS
    for value, hashed in zip(values, hashes, strict=True):
        if hashed in often and hashed is not None:
            seen = different.setdefault(hashed, [])
            before = seen.index(value) if value in seen else len(seen)
            left -= before * _parts(value) if before else 0
            if before == MOST or left < 0:
                raise Garbage(f"more than {MOST} values with one hash, or long ones")
            if before == len(seen):
                seen.append(value)


def _parts(value: Any) -> int:
    """How much there is to compare."""
    return 1 + sum(map(_parts, value)) if type(value) in {tuple, frozenset} else 1


def _hash(value: Any) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None
