"""Old address: printing in colour, and reading and cutting texts as the original names it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.formats import TagFormat
from opto.optimizers.render import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "extract_first_top_level_block",
    "extract_reasoning_and_remainder",
    "extract_top_level_blocks",
    "extract_xml_like_data",
    "print_color",
    "strip_nested_blocks",
    "truncate_expression",
]

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

# What a terminal takes for orders, and what turns the direction of writing.
_ORDERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")


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
    # What a model, or code that it wrote, has said may hold them.
    text = _ORDERS.sub(lambda found: ascii(found[0])[1:-1], text)
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


def extract_top_level_blocks(text: str, tag: str) -> list[str]:
    """What stands between an opening tag and its closing one, for those within no other.

    Args:
        text: any text.
        tag: the name of the tag.

    Example:
        >>> extract_top_level_blocks("<a>1</a> and <a><a>2</a></a>", "a")
        ['1', '<a>2</a>']
    """
    return [text[inner[0] : inner[1]] for _, inner in _blocks(text, tag) if inner[1] is not None]


def extract_first_top_level_block(text: str, tag: str) -> str | None:
    """The first of `extract_top_level_blocks`; None where there is none.

    Args:
        text: any text.
        tag: the name of the tag.

    Example:
        >>> extract_first_top_level_block("<a>1</a><a>2</a>", "a")
        '1'
    """
    return next(iter(extract_top_level_blocks(text, tag)), None)


def strip_nested_blocks(text: str, tag: str) -> str:
    """What stands outside of all elements of this tag; one without an end goes to the end.

    Args:
        text: any text.
        tag: the name of the tag.

    Example:
        >>> strip_nested_blocks("so <a>1 <a>2</a></a>it is <a>", "a")
        'so it is'
    """
    parts, at = [], 0
    for (start, end), _ in _blocks(text, tag):
        parts.append(text[at:start])
        at = len(text) if end is None else end
    return "".join([*parts, text[at:]]).strip()


def extract_reasoning_and_remainder(text: str, tag: str = "reasoning") -> tuple[str, str]:
    """What was thought, and what comes after it; a thought without an end is all that there is.

    Args:
        text: an answer.
        tag: the tag of the thoughts.

    Example:
        >>> extract_reasoning_and_remainder("<reasoning> Too small. </reasoning>5")
        ('Too small.', '5')
    """
    before, opening, rest = text.partition(f"<{tag}>")
    if not opening:
        return "", before
    thought, closing, after = rest.partition(f"</{tag}>")
    return (thought.strip(), after) if closing else (thought, "")


_Span = tuple[int, "int | None"]


def _blocks(text: str, tag: str) -> Iterator[tuple[_Span, _Span]]:
    """Elements of a tag that stand in no other: with their tags, and without; their ends if any."""
    depth, outer, inner = 0, 0, 0
    for found in re.finditer(rf"<(/?){re.escape(tag)}>", text):
        if not found[1]:
            if not depth:
                outer, inner = found.span()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield (outer, found.end()), (inner, found.start())
    if depth:
        yield (outer, None), (inner, None)
