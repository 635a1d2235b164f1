"""Finding, in what a model wrote, the objects and the blocks of code that it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from json import JSONDecoder
from typing import TYPE_CHECKING, Any

from opto.formats.bars import BAR
from opto.formats.lexer import DEPTH, normal_object
from opto.formats.mend import Repeats, mended

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Block", "Found", "Scan", "scanned", "without_thoughts"]


@dataclass(frozen=True, slots=True)
class Found:
    """An object in the text.

    Args:
        content: the object, in JSON's types.
        whole: whether its end was there.
        mends: what had to be put right to read it, in words.
        start: where it begins in the text.
        end: where it ends.
    """

    content: dict[str, Any]
    whole: bool = True
    mends: tuple[str, ...] = ()
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that holds no object.

    Args:
        text: what stands between the fences.
        whole: whether the closing fence was there.
    """

    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Scan:
    """What stands in an answer, and what was only thought.

    Args:
        pieces: the objects and the blocks of code of the answer, in their order.
        answer: all but the thoughts.
        thoughts: what was thought.
        ended: whether the thoughts have an end.
    """

    pieces: tuple[Found | Block, ...]
    answer: str
    thoughts: str
    ended: bool


TORN = 20
"""Braces with tags of thoughts behind them that are looked into one by one."""

# An object begins with a key, or is empty; other braces are prose, such as {x}.
_THOUGHT = r"<(?P<close>/?)(?P<thought>(?i:think|thinking|thought|reasoning))\s*>"
_START = re.compile(
    rf"""(?P<fence>^[ \t]*(?P<bar>{BAR})[^\n`]*\n)
      | (?P<object>\{{\s*(?:\{{\s*)?(?:\}}|["'`]|[A-Za-z_]\w*\s*:))
      | {_THOUGHT}""",
    re.VERBOSE | re.MULTILINE,
)
_TAG = re.compile(_THOUGHT)
_PLAIN = re.compile(r"\{\s*[\"}]")
_BRACE = re.compile(r"\s*\{")


def scanned(text: str) -> Scan:
    """The objects and the blocks of code in `text`, in their order, without what was thought.

    A fence inside of an object is part of a string there, and so is a tag of thoughts; an
    object inside of a fence counts only if the fence holds nothing before it. Where thoughts
    end that did not begin, a chat template has written their beginning.

    Example:
        >>> [piece.content for piece in scanned('Sure: {"a": 1} and {x} and {"b": 2}').pieces]
        [{'a': 1}, {'b': 2}]
        >>> scanned('<think>{"a": 1}?</think>{"b": 2}').pieces[0].content
        {'b': 2}
    """
    pieces: list[Found | Block] = []
    spans: list[tuple[int, int]] = []  # of thoughts, without their tags
    kept: list[tuple[int, int]] = []  # of what is none
    at = start = torn = 0
    while found := _START.search(text, at):
        at = found.end()
        if found["object"]:
            piece, at = _object(text, found.start())
            tag = None if _is_sure(piece) else _TAG.search(text, found.start(), at)
            if tag is not None:  # it is no object, but a brace before thoughts, or within them
                torn += 1
                # Each may be as long as the text: of so many, the last thought is the end.
                found = tag if torn < TORN else list(_TAG.finditer(text, tag.start()))[-1]
                at = found.end()
            elif piece is not None:
                pieces.append(piece)
        if found.re is _TAG or found["thought"]:
            if found["close"]:
                pieces, spans, kept, start = [], [(0, found.start())], [], at
                continue
            kept.append((start, found.start()))
            end = _closing(found["thought"]).search(text, at)
            spans.append((at, end.start() if end else len(text)))
            if end is None:
                return _scan(text, pieces, kept, spans, ended=False)
            start = at = end.end()
        elif found["fence"] and not _BRACE.match(text, at):
            block, at = _block(text, at, found["bar"])
            pieces.append(block)
    return _scan(text, pieces, [*kept, (start, len(text))], spans)


def _scan(
    text: str,
    pieces: list[Found | Block],
    kept: Iterable[tuple[int, int]],
    spans: Iterable[tuple[int, int]],
    *,
    ended: bool = True,
) -> Scan:
    thoughts = (text[start:end].strip() for start, end in spans)
    answer = "".join(text[start:end] for start, end in kept)
    return Scan(tuple(pieces), answer, "\n".join(filter(None, thoughts)), ended)


@cache
def _closing(tag: str) -> re.Pattern[str]:
    return re.compile(rf"</{tag}\s*>", re.IGNORECASE)


def without_thoughts(text: str) -> tuple[str, str, bool]:
    """The answer, the thoughts that a reasoning model wrote before it, and whether they end.

    Example:
        >>> without_thoughts("<think>Hm.</think>{}")
        ('{}', 'Hm.', True)
    """
    scan = scanned(text)
    return scan.answer, scan.thoughts, scan.ended


def _is_sure(piece: Found | None) -> bool:
    return piece is not None and piece.whole and "a word without quotes" not in piece.mends


def _block(text: str, start: int, bar: str) -> tuple[Block, int]:
    # A fence of the prompt, which a model may copy, has a code on both of its lines.
    bars = dict.fromkeys((bar, bar.rstrip("0123456789abcdef")))
    ends = (re.compile(rf"^[ \t]*{one}[ \t]*$", re.MULTILINE).search(text, start) for one in bars)
    end = next(filter(None, ends), None)
    block = Block(text[start : end.start() if end else None], end is not None)
    return block, end.end() if end else len(text)


def _object(text: str, start: int) -> tuple[Found | None, int]:
    """The object that begins at `start`, if it can be read, and where to go on."""
    # Only what may be JSON: to fail costs a decoder a pass over the text before.
    for strict in (True, False) if _PLAIN.match(text, start) else ():
        repeats = Repeats()
        try:
            decoder = JSONDecoder(strict=strict, object_pairs_hook=repeats)
            content, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):  # ValueError: also a number of too many digits
            continue
        if _depth(content) > DEPTH:
            return None, end
        mends = () if strict else ("line ends inside a string",)
        return Found(content, mends=(*mends, *repeats.mends), start=start, end=end), end
    normal = normal_object(text, start)
    if normal is None:
        return None, len(text)  # an abyss of brackets; looking into it again would take long
    read = mended(normal)
    if read is None:
        return None, normal.end
    return Found(read[0], normal.closed, read[1], start, normal.end), normal.end


def _depth(content: Any) -> int:
    """How many levels of containers there are."""
    depth, level = 0, [content]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [x for part in level for x in (part.values() if isinstance(part, dict) else part)]
    return depth
