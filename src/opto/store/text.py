"""A plain value as the text that a journal stores, and as that text is read again."""

from __future__ import annotations

from json import JSONEncoder, loads
from marshal import dumps as typed
from typing import Any

from opto.llm.glance import TAGGED
from opto.trace.encoding import decoded, encoded

__all__ = ["text_of"]

JSON = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
# The form of `marshal` in which a value is written the same however often it is referred to.
FORM = 2


def text_of(value: Any, where: str) -> tuple[str, Any]:
    """`value` in JSON, and what is read from that: equal to it, in every type.

    Args:
        value: a plain value, see `opto.store.Entry`.
        where: what it belongs to, for messages.

    Raises:
        StoreError: something in it has no exact form in JSON.

    Example:
        >>> text_of({"a": [1, None]}, "it")
        ('{"a":[1,null]}', {'a': [1, None]})
        >>> text_of((1,), "it")
        ('{"$":"tuple","of":[1]}', (1,))
    """
    found = _as_it_is(value)
    if found is not None:
        return found
    text = JSON.encode(encoded(value, where))
    return text, decoded(loads(text), where)


def _as_it_is(value: Any) -> tuple[str, Any] | None:
    """The same, of a value of which JSON loses nothing; None of any other.

    To see that takes no walk through the value: `marshal` writes each exact type in its own
    way, and refuses what is derived from one, so what is equal in its form is equal.
    """
    try:
        text = JSON.encode(value)
        if TAGGED in text:
            return None
        if not text.isascii():
            text.encode()  # half a surrogate pair fails here
        read = loads(text)
        return (text, read) if typed(read, FORM) == typed(value, FORM) else None
    except (TypeError, ValueError, RecursionError):
        return None
