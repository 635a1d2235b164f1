"""A glance at what is to be written down: does it need a close look for secrets?"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opto.llm.environment import environment_secrets, is_ordinary, is_secret
from opto.llm.redact import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TAGGED", "is_suspect"]

# What begins a value of a type that JSON does not have, see `opto.trace.encoding`. Bytes are
# among them, which hold a secret without showing it.
TAGGED = '"$":'


def is_suspect(data: Any, text: str, secrets: Iterable[str] = ()) -> bool:
    """Whether `opto.llm.redact.redacted` may find something to take out of `data`.

    Most of what is written holds no secret, and to see that takes a tenth of the time that
    going through each text of it takes. Where this says no, there is none.

    Args:
        data: plain values.
        text: the same in JSON, written with ``ensure_ascii=False``.
        secrets: texts to look for, beside those of the environment.

    Example:
        >>> is_suspect({"said": "hello"}, '{"said": "hello"}')
        False
        >>> is_suspect({"password": "x"}, '{"password": "x"}')
        True
    """
    for mark in MARKS:
        if mark in text:
            return True
    if TAGGED in text:
        return True
    # These stand in it in every form, that of JSON among them.
    for secret in environment_secrets():
        if secret in text:
            return True
    for secret in secrets:
        if not is_ordinary(secret) and (secret in text or _in_json(secret) in text):
            return True
    return _names_a_secret(data)


@lru_cache(maxsize=64)
def _in_json(secret: str) -> str:
    from json import dumps  # lazy: 3 ms that importing this room need not cost

    return dumps(secret, ensure_ascii=False)[1:-1]


def _names_a_secret(value: Any) -> bool:
    if type(value) is dict:
        for key, item in value.items():
            kind = type(item)
            if kind is str:
                if type(key) is not str or _is_secret(key):
                    return True
            elif (kind is dict or kind is list or kind is tuple) and _names_a_secret(item):
                return True
        return False
    if type(value) in {list, tuple}:
        return any(_names_a_secret(item) for item in value if type(item) in {dict, list, tuple})
    return False


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return is_secret(key.lower().replace("-", "_"))
