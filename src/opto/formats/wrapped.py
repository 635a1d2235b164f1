"""Answers with something round them: an object round the object, quotes round the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from json import loads
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opto.formats.names import Names
    from opto.formats.scan import Found

__all__ = ["unquoted", "unwrapped"]

# What models, and the calls of tools that they write as text, put round an object.
_AROUND = ("answer", "arguments", "parameters", "input", "output", "response", "result")
_CURLY = str.maketrans(
    {"\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"'}
)


def unwrapped(found: Found, key: str, names: Names, kept: str | None = None) -> Found:
    """An object with its values under `key`, where they are under nearly that, or further in.

    Args:
        found: the object.
        key: the key of the values.
        names: what may be named in them; nothing of such a name is looked into.
        kept: another key that was asked for, which is not looked into either.

    Example:
        >>> from opto.formats.names import Names
        >>> from opto.formats.scan import Found
        >>> made = unwrapped(Found({"Suggestion ": {"x0": 5}}), "suggestion", Names([]))
        >>> made.content, made.mends
        ({'suggestion': {'x0': 5}}, ("'Suggestion ' read as 'suggestion'",))
    """
    content = found.content
    if key in content:
        return found
    others = [name for name in content if name != kept and names.find(name) is None]
    near = [name for name in others if _plain(name) == _plain(key)]
    if len(near) == 1:
        told = f"{near[0]!r} read as {key!r}"
        made = {key if name == near[0] else name: value for name, value in content.items()}
        return replace(found, content=made, mends=(*found.mends, told))
    inner = [
        name for name in others if name.lower() in _AROUND and _speaks(content[name], key, names)
    ]
    if len(inner) == 1:
        told = f"an answer inside of {inner[0]!r}"
        return replace(found, content=dict(content[inner[0]]), mends=(*found.mends, told))
    return found


def _plain(name: str) -> str:
    return name.strip().casefold().removesuffix("s")


def _speaks(value: object, key: str, names: Names) -> bool:
    return isinstance(value, Mapping) and (key in value or any(map(names.find, value)))


def unquoted(answer: str) -> tuple[str, str] | None:
    r"""A text that holds no object as it is: without what hides one, and what that was.

    Example:
        >>> unquoted('"{\\"x0\\": 5}"')
        ('{"x0": 5}', 'an answer that was written as a text')
        >>> unquoted("{“x0”: 5}")[0]
        '{"x0": 5}'
    """
    text = answer.strip()
    if text.startswith('"') and text.endswith('"'):
        try:
            inner = loads(text)
        except (ValueError, RecursionError):
            inner = None
        if isinstance(inner, str):
            return inner, "an answer that was written as a text"
    plain = text.translate(_CURLY)
    return (plain, "curly quotes") if plain != text else None
