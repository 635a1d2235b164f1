"""From the names that a model wrote to the names of what it was asked for."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from opto.formats.lexer import marked
from opto.formats.visible import on_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.formats.field import Field

__all__ = ["Names"]


class Names:
    """The names of fields, as models write them.

    Args:
        fields: what was asked for.

    Example:
        >>> from opto.formats import Field
        >>> names = Names([Field.of("x0", 3)])
        >>> names.find("x:0"), names.find("`x`"), names.find("y0")
        ('x0', 'x0', None)
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.names = {f.name for f in fields}
        bases = [(name.rstrip("0123456789"), name) for name in self.names]
        counts = [base for base, _ in bases]
        self.bases = {b: n for b, n in bases if counts.count(b) == 1 and b not in self.names}

    def find(self, key: str) -> str | None:
        """The field that `key` names: exactly, as ``x:0`` for ``x0``, or by its only base."""
        plain = key.strip().strip("`\"'")
        # Names stand in prompts with escapes, which a model may undo, or copy.
        escaped = on_one_line(key)
        for name in (key, plain, re.sub(r":(?=\d+$)", "", plain), escaped, unescape(plain)):
            if name in self.names:
                return name
        return self.bases.get(plain)

    def sort(self, given: Mapping[str, Any], mends: list[str]) -> dict[str, Any]:
        """What was given as arguments of `Parsed`: taken, refused, of unknown name."""
        values: dict[str, Any] = {}
        refused: dict[str, str] = {}
        unknown: dict[str, Any] = {}
        # Exact names come last, so that they win over others that mean the same.
        for key in sorted(given, key=self.names.__contains__):
            name, why = self.find(key), marked(given[key])
            if name is None:
                if not marked(key) and not why:
                    unknown[key] = given[key]
                continue
            if name != key:
                mends.append(f"{key!r} read as {name!r}")
            if values.pop(name, given[key]) != given[key] or refused.pop(name, None):
                mends.append(f"the last of several values for {name!r}")
            (refused if why else values)[name] = why or given[key]
        return {"values": values, "refused": refused, "unknown": unknown}
