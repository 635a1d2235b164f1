"""Values whose hashes a program can choose: many with one hash make tables take quadratic time.

The hashes of texts, bytes and dates are secret, those of short integers and floats differ. All
others can be made equal: what comes with many of one hash was made to be slow.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .bits import Garbage

__all__ = ["MOST", "check"]

# More different values than this with one hash do not happen by chance.
MOST = 64


def check(values: list[Any]) -> None:
    """Raise `Garbage` if many different values have one hash; what has none is let pass."""
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
    for value, hashed in zip(values, hashes, strict=True):
        if hashed in often and hashed is not None:
            seen = different.setdefault(hashed, [])
            if value not in seen:
                seen.append(value)
                if len(seen) > MOST:
                    raise Garbage(f"more than {MOST} values with one hash")


def _hash(value: Any) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None
