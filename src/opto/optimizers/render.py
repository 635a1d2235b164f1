"""Values as text that a model reads."""

from __future__ import annotations

import re
from typing import Any

from opto.llm.redact import cleaned

__all__ = [
    "cut",
    "safe_text",
    "shown",
]

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
        text = str(value)
        return _ADDRESS.sub("", text) if " at 0x" in text else text
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
