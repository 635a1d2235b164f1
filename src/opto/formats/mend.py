"""From an object whose tokens are right to data, though brackets and commas may not be."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opto.formats.lexer import Normal

__all__ = ["mended"]

LONGEST = 200_000
"""Characters above which broken structure is not guessed at: the time may be quadratic."""


def mended(normal: Normal) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """The object that the tokens stand for, and all that was put right to read it.

    Returns:
        None where no object can be made of it.

    Example:
        >>> from opto.formats.lexer import normal_object
        >>> mended(normal_object('{"a": [2 3}', 0))
        ({'a': [2, 3]}, ('a missing bracket', 'commas and brackets out of place'))
    """
    try:
        content = loads(normal.text)
    except (ValueError, RecursionError):
        content = _repaired(normal.text)
        mends = (*normal.mends, "commas and brackets out of place")
    else:
        mends = normal.mends
    return (content, mends) if isinstance(content, dict) else None


def _repaired(text: str) -> Any:
    if len(text) > LONGEST:
        return None
    # lazy: few answers need it, and the import is not free.
    from json_repair import repair_json

    try:
        return repair_json(text, return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
