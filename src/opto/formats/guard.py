"""Text inside of an element: kept in its place when it is written, freed when it is read.

Most texts stand as they are, because that is what small models read and write best. A text
that would end its element, or lose its edges, stands between two fences.

Source: SPEC 11.C17, C20, 12 A.3.
"""

from __future__ import annotations

import ast
import re
from html import unescape
from typing import TYPE_CHECKING

from opto._legible import illegible

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["freed", "guarded", "tag_in"]

_RUN = re.compile(r"`{3,}")
_FENCED = re.compile(r"\s*(?:`{3,}|~{3,})")
_ESCAPED = re.compile(r"&(?:lt|gt);")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39|#x27);")
_LITERAL = re.compile(
    r"\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|\#[^\n]*", re.DOTALL
)


def tag_in(text: str, tags: Collection[str]) -> bool:
    """Whether `text` holds what looks like one of these tags, opening or closing."""
    words = "|".join(map(re.escape, sorted(tags)))
    return re.search(rf"</?\s*(?:{words})\b", text, re.IGNORECASE) is not None


def guarded(text: str, tags: Collection[str], language: str = "", *, always: bool = False) -> str:
    r"""`text` as it may stand on lines of its own in an element.

    Args:
        text: any text.
        tags: the tags that may not be taken for the element's own.
        language: what is written on the fence, where one is needed.
        always: whether a fence is needed in any case.

    Example:
        >>> print(guarded("x < 3", ["value"]))
        x < 3
        >>> print(guarded("</value> ends it", ["value"]))
        ```
        </value> ends it
        ```
    """
    plain = text == text.strip() and not _FENCED.match(text) and not _ESCAPED.search(text)
    if plain and not always and "<![CDATA[" not in text and not tag_in(text, tags):
        return text
    bar = "`" * max([3, *(len(run) + 1 for run in _RUN.findall(text))])
    return f"{bar}{language}\n{text}\n{bar}"


def freed(text: str, tags: Collection[str], *, is_code: bool = False) -> tuple[str, list[str]]:
    r"""A text without what a model put round it or into it, and what that was, in words.

    Args:
        text: all that stands in an element, without a fence.
        tags: the tags that would have had to be escaped.
        is_code: whether it is source.

    Example:
        >>> freed("\n    x = 1\n    y = 2\n", ["value"])
        ('    x = 1\n    y = 2', [])
        >>> freed("&lt;value&gt;", ["value"])
        ('<value>', ['escaped characters'])
    """
    lines = text.rstrip().split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    # The first of several lines keeps its indentation: the others are measured by it.
    text = "\n".join(lines) if len(lines) > 1 else text.strip()
    if _is_escaped(text, tags, is_code=is_code):
        return unescape(text), ["escaped characters"]
    return text, []


def _is_escaped(text: str, tags: Collection[str], *, is_code: bool) -> bool:
    """Whether the entities can only be escapes of a form that was not asked for."""
    if not _ESCAPED.search(text) or "<" in text or ">" in text or "&" in _ENTITY.sub("", text):
        return False
    if not is_code:
        return tag_in(unescape(text), tags)
    return bool(_ESCAPED.search(_LITERAL.sub("", text))) and _is_python(unescape(text))


def _is_python(text: str) -> bool:
    if illegible(text):
        return False
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
