"""Values as text that a model reads, in which no value can leave its place.

A value on one line cannot start a line. Any other stands between two fences that are
longer than every run of backticks in the whole problem.

Source: SPEC 11.C11, C20.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opto.llm.redact import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "cut",
    "fence_for",
    "fenced",
    "indented",
    "line_of",
    "safe_text",
    "shown",
]

_RUN = re.compile(r"`{3,}")
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]{6,16}(?=>)")


def safe_text(value: Any) -> str:
    r"""`value` as text, also where its own way to become text fails.

    Two processes that have the same value have the same text: addresses in memory are left
    out, and sets are sorted. So a program that is resumed asks what it asked before.

    Example:
        >>> safe_text(3), safe_text("a\\nb")
        ('3', 'a\\nb')
    """
    try:
        if type(value) is str:
            return value
        if type(value) in (set, frozenset):
            # Their own order is another one in every process.
            return _sorted(value)
        return _ADDRESS.sub("", str(value))
    except Exception as cause:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<a {type(value).__name__} that has no text: {type(cause).__name__}>"


def _sorted(value: set[Any] | frozenset[Any]) -> str:
    try:
        items: list[Any] = sorted(value)
    except TypeError:
        items = sorted(value, key=repr)
    inside = ", ".join(map(repr, items))
    if type(value) is frozenset:
        return f"frozenset({{{inside}}})" if items else "frozenset()"
    return f"{{{inside}}}" if items else "set()"


def shown(value: Any, limit: int = 80) -> str:
    r"""`value` for a message: in quotes if it is text, on one line, and short.

    Example:
        >>> shown("a\\nb"), shown([1] * 100, limit=20)
        ("'a\\\\nb'", '[1, 1, 1, 1 ... 1]')
    """
    try:
        text = repr(value)
    except Exception as cause:  # noqa: BLE001 - as in safe_text
        text = f"<a {type(value).__name__} that has no repr: {type(cause).__name__}>"
    text = " ".join(cleaned(text).split())
    return (
        text
        if len(text) <= limit
        else f"{text[: limit - 9].rstrip(', ')} ... {text[-3:].lstrip(', ')}"
    )


def cut(text: str, limit: int) -> str:
    """`text`, without its middle if it is longer than `limit`; what is missing is said.

    Example:
        >>> cut("abcdefghij" * 20, 20)
        'abcdefghij [180 characters left out] abcdefghij'
    """
    if len(text) > limit:
        text = cleaned(text)  # half of a secret would not be found later
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"


def fence_for(texts: Iterable[str]) -> str:
    """Backticks that stand in none of `texts`.

    Example:
        >>> fence_for(["plain", "```python"])
        '````'
    """
    return "`" * max([3, *(len(run) + 1 for text in texts for run in _RUN.findall(text))])


def fenced(text: str, fence: str, language: str = "") -> str:
    """`text` on lines of its own between two fences."""
    return f"{fence}{language}\n{text}\n{fence}"


def line_of(text: str, fence: str) -> str:
    """`text` as it is if it is plain on one line, otherwise fenced on lines of its own.

    Example:
        >>> print(line_of("one", "```"), line_of(" two ", "```"))
        one
        ```
         two
        ```
    """
    plain = len(text.splitlines()) <= 1 and text == text.strip() and not _RUN.search(text)
    return text if plain else "\n" + fenced(text, fence)


def indented(text: str) -> str:
    """`text` with all lines but the first moved in, so that none of them is a title."""
    first, *rest = text.splitlines() or [""]
    return "\n".join([first, *(f"    {line}".rstrip() for line in rest)])
