r"""Text that a terminal can show: what would order it about is written out, as ``\x1b``.

Values and errors may hold what a model, or code that it wrote, has said.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["escaped"]

# Controls but line breaks and tabs, and what turns the direction of reading.
_RANGES = ((0, 9), (11, 32), (127, 160), (0x202A, 0x202F), (0x2066, 0x206A))
_ORDERS = MappingProxyType({n: ascii(chr(n))[1:-1] for pair in _RANGES for n in range(*pair)})


def escaped(text: str) -> str:
    r"""`text` with what orders a terminal about as its escape; ``\n``, ``\r\n`` and tabs stay.

    Source: issue 6, point 6.

    Example:
        >>> escaped("red: \x1b[31m"), escaped("a\r\n\tb")
        ('red: \\x1b[31m', 'a\r\n\tb')
    """
    if text.isprintable():
        return text
    return "\r\n".join(part.translate(_ORDERS) for part in text.split("\r\n"))
