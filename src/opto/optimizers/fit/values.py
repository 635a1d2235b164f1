"""Values in as much room as there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.optimizers.render import Excerpt, cut, kind_of, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHORTEST", "Texts", "limits", "shares"]

SHORTEST = 60
"""Characters of a value below which it is not cut."""


def limits(most: int) -> list[int]:
    """Lengths of values to try, the longest first; 0 is for no values."""
    # A cut text is longer than its limit by what it says of itself; it must not be cut twice.
    return [most, *(n for n in (2000, 600, 200, SHORTEST) if 2 * n <= most), 0]


def shares(needs: Sequence[int], room: int) -> list[int]:
    """How much of `room` each gets: what it needs, or an equal part of what others leave.

    Example:
        >>> shares([10, 500, 500], 210)
        [10, 100, 100]
    """
    given = [0] * len(needs)
    left = room
    order = sorted(range(len(needs)), key=lambda at: needs[at])
    for done, at in enumerate(order):
        given[at] = min(needs[at], left // (len(order) - done))
        left -= given[at]
    return given


class Texts:
    """The texts of values, each made once and only if it is asked for.

    Args:
        values: pairs of the value and what it must keep to, by name.
    """

    def __init__(self, values: dict[str, tuple[Any, Any]]) -> None:
        self._values = values
        self._texts: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = safe_text(self._values[name][0])
        return self._texts[name]

    def cost(self, name: str, limit: int) -> int:
        """Characters that the value takes, about."""
        return len(name) + min(len(self[name]), limit + 40) + 12

    def cut(self, name: str, limit: int) -> tuple[Any, Any]:
        """The value, or an excerpt of at most `limit` characters."""
        value, constraint = self._values[name]
        text = self[name]
        if len(text) <= limit + 40:
            return value, constraint
        return Excerpt(cut(text, limit), kind_of(value)), constraint
