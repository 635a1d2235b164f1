"""Texts that show a value: the value that is meant."""

from __future__ import annotations

import re
from ast import literal_eval
from json import loads
from typing import Any

from opto._legible import illegible
from opto.optimizers.arrays import as_lists

__all__ = ["literal", "meant", "numbers_in", "plain"]

LONGEST = 100_000
"""Characters of a text that is read as a literal."""

_MARKED = re.compile(r"""(?P<mark>`{1,3}|\*{1,3}|["'])(?P<inner>.*)(?P=mark)""", re.DOTALL)
_MINUS = "\N{MINUS SIGN}"


def literal(value: Any) -> Any:
    """A text as the JSON or Python literal that stands in it; anything else as it is.

    Example:
        >>> literal("[1, 2]"), literal("{'a': None}"), literal("two"), literal(3)
        ([1, 2], {'a': None}, 'two', 3)
    """
    if not isinstance(value, str) or illegible(value, LONGEST):
        return value
    for reader in (loads, literal_eval):
        try:
            return reader(value.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return value


def meant(value: Any) -> Any:
    """As `literal`; also what stands in quotes or in marks of Markdown.

    Example:
        >>> meant("**5**"), meant("`[1, 2]`"), meant('"-3"'), meant("'two'")
        (5, [1, 2], -3, 'two')
    """
    found = literal(value)
    if not isinstance(found, str) or len(found) > LONGEST:
        return found
    text = found.strip()
    marked = _MARKED.fullmatch(text)
    text = marked["inner"].strip() if marked else text
    text = text.replace(_MINUS, "-", 1) if text.startswith(_MINUS) else text
    inner = literal(text)
    return found if isinstance(inner, str) else inner


def plain(text: str) -> str:
    """A word without what a sentence puts round it.

    Example:
        >>> plain(' "Yes". ')
        'yes'
    """
    return text.strip().strip("\"'`.").strip().casefold()


def numbers_in(value: Any) -> Any:
    """Lists of numbers, where a text shows them as numpy does or each is a text of its own.

    Example:
        >>> numbers_in("[1. 2.]"), numbers_in(["1", 2])
        ([1.0, 2.0], [1, 2])
    """
    if isinstance(value, list):
        return [numbers_in(part) for part in value]
    found = meant(value)
    return meant(as_lists(value)) if isinstance(found, str) and isinstance(value, str) else found
