"""From an object whose tokens are right to data, though brackets and commas may not be."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opto.formats.lexer import Normal

__all__ = ["Repeats", "mended"]

LONGEST = 200_000
"""Characters above which broken structure is not guessed at: the time may be quadratic."""


class Repeats:
    """Makes objects of pairs, and keeps in mind which keys came again with another value.

    Example:
        >>> repeats = Repeats()
        >>> loads('{"a": 1, "a": 2, "b": 3, "b": 3}', object_pairs_hook=repeats), repeats.mends
        ({'a': 2, 'b': 3}, ("the last of several values for 'a'",))
    """

    def __init__(self) -> None:
        self.mends: tuple[str, ...] = ()

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """The object; of several values for a key, the last."""
        made = dict(pairs)
        if len(made) < len(pairs):
            again = dict.fromkeys(key for key, value in pairs if made[key] != value)
            told = (f"the last of several values for {key!r}" for key in again)
            self.mends = tuple(dict.fromkeys((*self.mends, *told)))
        return made


def mended(normal: Normal) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """The object that the tokens stand for, and all that was put right to read it.

    Returns:
        None where no object can be made of it.

    Example:
        >>> from opto.formats.lexer import normal_object
        >>> mended(normal_object('{"a": [2 3}', 0))
        ({'a': [2, 3]}, ('a missing bracket', 'commas and brackets out of place'))
    """
    repeats = Repeats()
    try:
        content = loads(normal.text, object_pairs_hook=repeats)
        mends = (*normal.mends, *repeats.mends)
    except (ValueError, RecursionError):
        content = _repaired(normal.tokens)
        mends = (*normal.mends, "commas and brackets out of place")
    return (content, mends) if isinstance(content, dict) else None


def _repaired(tokens: Sequence[str]) -> Any:
    """What the tokens stand for if some commas and brackets are added or left out.

    The repair sees a number in the place of each text, so that no text can be changed by
    it; and what is no such number, it has made up.
    """
    texts = [token for token in tokens if token.startswith('"')]
    numbers = iter(range(len(texts)))
    plain = [f'"{next(numbers)}"' if token.startswith('"') else token for token in tokens]
    if len(text := " ".join(plain)) > LONGEST:
        return None
    # lazy: few answers need it, and the import is not free.
    from json_repair import repair_json

    try:
        return _with_texts(repair_json(text, return_objects=True, skip_json_loads=True), texts)
    except (ValueError, IndexError, RecursionError):
        return None


def _with_texts(value: Any, texts: Sequence[str]) -> Any:
    if isinstance(value, dict):
        pairs = value.items()
        return {_with_texts(k, texts): _with_texts(v, texts) for k, v in pairs}
    if isinstance(value, list):
        return [_with_texts(item, texts) for item in value]
    return loads(texts[int(value)]) if isinstance(value, str) else value
