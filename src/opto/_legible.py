"""Which texts may be given to Python's parser in this process, if a model wrote them.

The parser holds up the whole process, and there are texts of a few KB that it takes hours or all
memory for. Marks that are stacked on a letter of a name are put in order one by one; and of a
name with dots each beginning is made a text. Both are looked for in linear time.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["illegible"]

LONGEST = 256 * 1024
"""Characters: what else grows by the square of the length takes seconds at most."""
MARKS, DOTS = 64, 500

# They count as no marks, and come apart into some.
_COMPOSED = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
# What an import can name; lines that go on are joined before.
_BETWEEN = re.compile(r"[^\w. \t\f]+")
_GOES_ON = re.compile(r"\\\r?\n")


def illegible(text: str, longest: int = LONGEST) -> str:
    r"""Why a text is not given to the parser, in words; nothing if it may be.

    Args:
        text: what a model wrote.
        longest: how many characters it may have.

    Example:
        >>> illegible("import os.path")
        ''
        >>> illegible("import " + ".".join(["a"] * 5000))
        'it has a name with more than 500 dots'
    """
    if len(text) > longest:
        return f"it has {len(text):,} characters, and {longest:,} are the most"
    if text.count(".") > DOTS:
        joined = _GOES_ON.sub(" ", text)
        if any(part.count(".") > DOTS for part in _BETWEEN.split(joined)):
            return f"it has a name with more than {DOTS} dots"
    if not text.isascii() and _stacks(text):
        return f"it has a letter with more than {MARKS} marks on it"
    return ""


def _stacks(text: str) -> bool:
    marks = 0
    for character in text:
        mark = unicodedata.combining(character) or character in _COMPOSED
        marks = marks + 1 if mark else 0
        if marks > MARKS:
            return True
    return False
