"""One short name for a piece of data: the same in every process, on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from opto.errors import ArgumentError

__all__ = ["digest_of"]


def digest_of(data: Any) -> str:
    """SHA-256, in hex, of `data` as JSON with sorted keys.

    What JSON does not know is taken by what it says: enumerations by their value,
    sets sorted, dataclasses and pydantic models by their fields, classes and
    functions by their address in the source.

    Raises:
        ArgumentError: something in it is not data, so that it has no stable form.

    Example:
        >>> digest_of({"a": 1, "b": {2, 3}}) == digest_of({"b": [2, 3], "a": 1})
        True
    """
    from hashlib import sha256  # lazy: 2 ms that a program which never asks need not pay

    try:
        text: str = _encoder().encode(data)
    except (TypeError, ValueError):  # keys that JSON does not know, or cannot sort
        text = _encoder().encode(_plain(data))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# Made once: each request is digested several times.
@cache
def _encoder() -> Any:
    from json import JSONEncoder  # lazy: 2 ms that a program which never asks need not pay

    return JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=repr)
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if hasattr(value, "__fspath__"):
        return str(value)
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        return {"schema": _plain(value.model_json_schema())}
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return {"named": f"{value.__module__}:{value.__qualname__}"}
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump())
    raise ArgumentError(
        f"a request holds a {type(value).__name__}, which has no stable form to digest, store "
        f"and replay; give it to the backend's constructor, or pass it as plain data"
    )
