"""Finding, in what a model wrote, the objects and the blocks of code that it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecoder
from typing import TYPE_CHECKING, Any

from opto.formats.lexer import DEPTH, normal_object
from opto.formats.mend import mended

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Block", "Found", "pieces", "without_thoughts"]


@dataclass(frozen=True, slots=True)
class Found:
    """An object in the text.

    Args:
        content: the object, in JSON's types.
        whole: whether its end was there.
        mends: what had to be put right to read it, in words.
    """

    content: dict[str, Any]
    whole: bool = True
    mends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that holds no object.

    Args:
        text: what stands between the fences.
        whole: whether the closing fence was there.
    """

    text: str
    whole: bool = True


# An object begins with a key, or is empty; other braces are prose, such as {x}.
_START = re.compile(
    r"""(?P<fence>^[ \t]*(?P<bar>`{3,}|~{3,})[^\n`]*\n)
      | (?P<object>\{\s*(?:\{\s*)?(?:\}|["'`]|[A-Za-z_]\w*\s*:))""",
    re.VERBOSE | re.MULTILINE,
)
_BRACE = re.compile(r"\s*\{")
_STRICT, _LOOSE = JSONDecoder(), JSONDecoder(strict=False)


def pieces(text: str) -> Iterator[Found | Block]:
    """The objects and the blocks of code in `text`, in their order.

    A fence inside of an object is part of a string there; an object inside of a fence
    counts only if the fence holds nothing before it.

    Example:
        >>> [piece.content for piece in pieces('Sure: {"a": 1} and {x} and {"b": 2}')]
        [{'a': 1}, {'b': 2}]
    """
    at = 0
    while found := _START.search(text, at):
        if found["object"]:
            piece, at = _object(text, found.start())
            if piece is not None:
                yield piece
            continue
        if _BRACE.match(text, found.end()):
            at = found.end()
            continue
        closing = re.compile(rf"^[ \t]*{found['bar']}[ \t]*$", re.MULTILINE)
        end = closing.search(text, found.end())
        yield Block(text[found.end() : end.start() if end else None], end is not None)
        at = end.end() if end else len(text)


def _object(text: str, start: int) -> tuple[Found | None, int]:
    """The object that begins at `start`, if it can be read, and where to go on."""
    for decoder in (_STRICT, _LOOSE):
        try:
            content, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):  # ValueError: also a number of too many digits
            continue
        if _depth(content) > DEPTH:
            return None, end
        mends = () if decoder is _STRICT else ("line ends inside a string",)
        return Found(content, mends=mends), end
    normal = normal_object(text, start)
    if normal is None:
        return None, len(text)  # an abyss of brackets; looking into it again would take long
    read = mended(normal)
    if read is None:
        return None, normal.end
    return Found(read[0], normal.closed, read[1]), normal.end


def _depth(content: Any) -> int:
    """How many levels of containers there are."""
    depth, level = 0, [content]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [x for part in level for x in (part.values() if isinstance(part, dict) else part)]
    return depth


_THOUGHTS = re.compile(
    r"\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|(?P<open>\Z))", re.DOTALL
)
_END_OF_THOUGHTS = re.compile(r"</(?:think|thinking|thought|reasoning)>")


def without_thoughts(text: str) -> tuple[str, str, bool]:
    """The answer, the thoughts that a reasoning model wrote before it, and whether they end.

    Example:
        >>> without_thoughts("<think>Hm.</think>{}")
        ('{}', 'Hm.', True)
    """
    found = _THOUGHTS.match(text)
    if found:
        ended = found["open"] is None
        return text[found.end() :], found[2].strip(), ended
    # Some chat templates write the opening tag themselves, so that only the end is here.
    end = _END_OF_THOUGHTS.search(text)
    if end and any(isinstance(p, Found) and p.whole for p in pieces(text[end.end() :])):
        return text[end.end() :], text[: end.start()].strip(), True
    return text, "", True
