"""Old address: printing in colour, and reading and cutting texts as the original names it."""

from __future__ import annotations

import sys
from typing import Any

from opto.errors import ArgumentError
from opto.formats import TagFormat
from opto.optimizers.render import safe_text

__all__ = ["extract_xml_like_data", "print_color", "truncate_expression"]

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


def truncate_expression(value: Any, limit: int) -> str:
    """The text of a value, and if it is longer than `limit`, its beginning.

    Args:
        value: any value.
        limit: characters that are kept.

    Example:
        >>> truncate_expression("abcdefgh", 3)
        'abc... (5 characters skipped due to length limit)'
    """
    text = safe_text(value)
    if len(text) <= limit:
        return text
    return f"{text[:limit]}... ({len(text) - limit} characters skipped due to length limit)"


def extract_xml_like_data(
    text: str,
    reasoning_tag: str = "reasoning",
    improved_variable_tag: str = "variable",
    name_tag: str = "name",
    value_tag: str = "value",
) -> dict[str, Any]:
    """What a tagged answer says: ``reasoning``, and ``variables`` by name.

    A value that is not whole is left out.

    Args:
        text: the answer.
        reasoning_tag: the tag of the thoughts.
        improved_variable_tag: the tag of a name and a value.
        name_tag: the tag of the name.
        value_tag: the tag of the value.

    Example:
        >>> extract_xml_like_data(
        ...     "<reasoning>Too small.</reasoning>"
        ...     "<variable><name>x0</name><value>5</value></variable>"
        ... )
        {'reasoning': 'Too small.', 'variables': {'x0': '5'}}

    Source: SPEC 12 A.3.
    """
    form = TagFormat(reasoning_tag, improved_variable_tag, name_tag, value_tag)
    parsed = form.parse(text, ())
    return {"reasoning": parsed.reasoning, "variables": dict(parsed.unknown)}
