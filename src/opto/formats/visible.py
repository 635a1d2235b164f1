r"""Characters that cannot be seen, written so that they can.

Some begin a line without being a line break of everybody's, some order a terminal about, turn
the direction of reading, or hide a text from people but not from models; a NUL ends a text for
programs in C, and half of a surrogate pair cannot be sent at all. They are written as JSON
writes them (``\u001b``), so that a model that copies one into a JSON answer gives it back.

Source: issue 5, point 1, and issue 6, point 6.
"""

from __future__ import annotations

import re
from functools import lru_cache
from json import dumps

__all__ = ["on_one_line", "visible"]

_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_HIDDEN = re.compile(f"[{_UNSEEN}]|\r(?!\n)")
_BREAKING = re.compile(f"[{_UNSEEN}\r\n\t]")


def visible(text: str) -> str:
    r"""`text` with what cannot be seen as its escape; ``\n``, ``\r\n`` and tabs stay.

    Example:
        >>> visible("red: \x1b[31m\n"), visible("a\u2028b")
        ('red: \\u001b[31m\n', 'a\\u2028b')
    """
    # To ask the text is ten times as fast as to search it.
    lines = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return text if lines.isprintable() else _HIDDEN.sub(_escaped, text)


def on_one_line(text: str) -> str:
    r"""As `visible`, with line breaks and tabs as escapes too.

    Example:
        >>> on_one_line("a\n#b")
        'a\\n#b'
    """
    return text if text.isprintable() else _BREAKING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


@lru_cache(maxsize=512)
def _escape(char: str) -> str:
    return dumps(char)[1:-1]
