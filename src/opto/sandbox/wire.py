"""What may cross the wall, as the host sees it. The bytes themselves are `worker.codec`'s.

Plain data is None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset,
date, time, datetime, timedelta, Decimal, Fraction, and NumPy's arrays and scalars of numbers,
texts and dates: exactly these types, no class derived from one. Integers have at most 4300
digits, as more could not be printed.
"""

from __future__ import annotations

from typing import Any

from opto.sandbox.worker.bits import Garbage, TooLarge, Unsendable
from opto.sandbox.worker.codec import Limits, decode, encode, pieces

__all__ = [
    "ARGUMENTS",
    "Garbage",
    "Limits",
    "TooLarge",
    "Unsendable",
    "check",
    "decode",
    "encode",
    "pieces",
]

# The host trusts what it sends; this is only the end of what a call can sensibly carry.
ARGUMENTS = Limits(256 << 20, 4 << 30)


def check(value: Any, limits: Limits = ARGUMENTS) -> None:
    """Raise if a value is no plain data that can be handed to foreign code.

    Raises:
        Unsendable: something in it is not plain; the message says what, and where.
        TooLarge: there is too much of it.

    Example:
        >>> check({"a": [1, (2.5, None)]})
        >>> try:
        ...     check({"a": [1, object()]})
        ... except Unsendable as error:
        ...     error.args
        ("a value of type object at ['a'][1]: only plain data travels",)
    """
    pieces(value, limits)
