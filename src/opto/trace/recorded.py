"""What a value was before a function changed it in place.

A record that shows the changed value as the input of the change is not true. Small
builtin containers are therefore copied before a call that may change them: the
structure, by reference at its leaves. Larger ones and other objects are not.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LIMIT", "MUTABLE", "copied", "unchanged"]

# Above so many items a copy at each call would cost more than the call.
LIMIT = 1000

MUTABLE = (list, dict, set, bytearray)
_MUTABLE = frozenset(MUTABLE)


def copied(value: Any, limit: int = LIMIT) -> Any:
    """A copy of the structure of `value`, or None where it has too many items or is too deep.

    Example:
        >>> inner = [1]
        >>> before = copied([inner, 2])
        >>> inner.append(3)
        >>> before
        [[1], 2]
    """
    try:
        copy = _copy(value, [limit])
    except RecursionError:  # it is as deep as it is large, or contains itself
        return None
    return None if copy is _TOO_LARGE else copy


class _TooLarge:
    pass


_TOO_LARGE = _TooLarge()


def _copy(value: Any, left: list[int]) -> Any:
    kind = type(value)
    if kind not in MUTABLE:
        return value
    left[0] -= len(value)
    if left[0] < 0:
        return _TOO_LARGE
    if kind is dict and _nests(value.values()):
        pairs = {k: _copy(v, left) for k, v in value.items()}
        return _TOO_LARGE if left[0] < 0 else pairs
    if kind is list and _nests(value):
        items = [_copy(v, left) for v in value]
        return _TOO_LARGE if left[0] < 0 else items
    return kind(value)


def _nests(values: Iterable[Any]) -> bool:
    return not _MUTABLE.isdisjoint(map(type, values))


def unchanged(before: Any, now: Any) -> bool:
    """Whether `now` has the structure and the leaves of the copy `before`."""
    kind: Any = type(before)
    if kind not in MUTABLE:
        return before is now
    if kind is not type(now) or len(before) != len(now):
        return False
    if kind is list:
        return all(map(unchanged if _nests(before) else is_, before, now))
    if kind is dict:
        # Keys in order: a dict that was reordered was changed.
        same = unchanged if _nests(before.values()) else is_
        return all(map(is_, before, now)) and all(map(same, before.values(), now.values()))
    return bool(before == now)
