"""Old address: printing in colour, as optimizers do when they are verbose."""

from __future__ import annotations

import sys
from typing import Any

from opto.errors import ArgumentError

__all__ = ["print_color"]

_CODES = {
    "black": 30,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "magenta": 35,
    "cyan": 36,
    "white": 37,
}


def print_color(message: Any, color: str | None = None, logger: Any = None) -> None:
    """Print a message, in colour where the output is a terminal.

    Args:
        message: what to print.
        color: a name such as ``"green"``, or None.
        logger: gets the message by its ``log`` method in place of the screen.

    Raises:
        ArgumentError: the colour has no name here.

    Example:
        >>> print_color("hello", "green")
        hello
    """
    if color is not None and color not in _CODES:
        raise ArgumentError.unknown("print_color()", [color], _CODES)
    text = str(message)
    if logger is not None:
        logger.log(text)
        return
    if color is not None and sys.stdout.isatty():
        text = f"\x1b[{_CODES[color]}m{text}\x1b[0m"
    sys.stdout.write(f"{text}\n")
