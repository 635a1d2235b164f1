"""Where code was when it was stopped: the lines of it, and the loop around them."""

from __future__ import annotations

import re

__all__ = ["lines_of_dump", "loop_around", "place"]

MOST = 20
_LOOP = re.compile(r"\s*(?:async\s+)?(?:for|while)\b")
_THREAD = re.compile(rb"(?:^|\n)(?=(?:Current thread|Thread) 0x)")


def lines_of_dump(dump: bytes, label: str) -> tuple[int, ...]:
    r"""Lines of a text in what `faulthandler` wrote, the innermost last.

    Example:
        >>> dump = b'Thread 0x01:\n  File "<f>", line 3 in g\n  File "<f>", line 9 in f\n'
        >>> lines_of_dump(dump, "<f>")
        (9, 3)
    """
    named = re.compile(rb'File "%b", line (\d{1,7}) in' % re.escape(label.encode()))
    threads = sorted(_THREAD.split(dump), key=lambda part: not part.startswith(b"Current"))
    for part in threads:
        if lines := [int(n) for n in named.findall(part)[:MOST]]:
            return tuple(reversed(lines))
    return ()


def place(text: str, lines: tuple[int, ...]) -> str:
    r"""Words on where code was, to end a sentence with.

    Example:
        >>> place("def f():\n    while True:\n        pass\n", (3,))
        ' in the loop at line 2'
    """
    if not lines:
        return ""
    loop = loop_around(text, lines[-1])
    return f" at line {lines[-1]}" if loop is None else f" in the loop at line {loop}"


def loop_around(text: str, line: int) -> int | None:
    """The line where the innermost loop around a line begins, by indentation."""
    rows = text.split("\n")[:line]
    if len(rows) < line:  # who was asked where it is may lie
        return None
    if _LOOP.match(rows[-1]):
        return line
    edge = _indent(rows[-1])
    for number in range(line - 1, 0, -1):
        row = rows[number - 1]
        if row.strip() and _indent(row) < edge:
            if _LOOP.match(row):
                return number
            if row.lstrip().startswith(("def ", "async def ", "class ")):
                return None
            edge = _indent(row)
    return None


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip())
