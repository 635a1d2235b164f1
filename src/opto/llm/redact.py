"""Secrets are taken out of whatever is asked, stored or shown."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opto.llm.secret import hide, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opto.llm.types import Request

__all__ = ["HIDDEN", "environment_secrets", "named_secrets", "redacted", "without_secrets"]

HIDDEN = "***"
# A shorter value of a variable is a switch; taking "true" out of every text would help nobody.
SHORTEST = 6
# Without one of these, nothing in a text looks like a key to `opto.llm.secret`. Its pattern has
# no fixed beginning, so that searching with it takes longer than all the rest of writing.
MARKS = (
    *(f"{kind}{dash}" for kind in ("sk", "pk", "rk", "xai", "hf") for dash in "-_"),
    "Bearer ",
    "://",
)


def redacted(value: Any, secrets: Iterable[str] = ()) -> Any:
    """`value` without the secrets of the environment, the given ones, and what looks like a key.

    Texts are searched wherever they stand in lists, tuples, sets and dicts, and bytes as
    well. In a dict, a text under a name that is one of a secret (``api_key``,
    ``Authorization``, ``password``) goes as a whole.

    Args:
        value: a plain value.
        secrets: further texts that must not be stored.

    Example:
        >>> redacted({"api_key": "hunter2", "said": ["hunter2 is bad"]}, ["hunter2"])
        {'api_key': '***', 'said': ['*** is bad']}
    """
    # The longest first: one secret may be part of another.
    unwanted = {s for s in secrets if s} | environment_secrets()
    return _clean(value, tuple(sorted(unwanted, key=len, reverse=True)))


def without_secrets(request: Request) -> Request:
    """The request without the secrets of the environment; itself where it holds none.

    What a program tells a model, it tells somebody else: a key that got into a value or an
    error message would be sent along.

    Example:
        >>> from opto.llm import Request
        >>> os.environ["MY_API_KEY"] = "hunter2hunter2"
        >>> without_secrets(Request.of("The key hunter2hunter2 is refused.")).messages
        ({'role': 'user', 'content': 'The key *** is refused.'},)
        >>> del os.environ["MY_API_KEY"]
    """
    secrets = environment_secrets()
    if not secrets:
        return request
    ordered = tuple(sorted(secrets, key=len, reverse=True))
    clean = tuple(_without(message, ordered) for message in request.messages)
    return request if clean == request.messages else replace(request, messages=clean)


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    """The value with these texts, and nothing else, taken out: what is said stays as it is."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, dict):
        return {key: _without(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_without(item, secrets) for item in value)
    return value


def named_secrets(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The texts that stand under names of secrets, in headers within them as well.

    Example:
        >>> list(named_secrets({"api_key": "a", "headers": {"Authorization": "Bearer b"}}))
        ['a', 'b']
    """
    for name, value in arguments.items():
        if isinstance(value, dict):
            yield from named_secrets(value)
        elif isinstance(value, str) and is_secret(_plain_name(str(name))):
            yield value.removeprefix("Bearer ")


def environment_secrets() -> frozenset[str]:
    """The values of environment variables that are named as secrets are."""
    # What `os.environ` keeps its items in, where it can be had: reading all of them through
    # `os.environ` decodes each, which takes longer than writing an event.
    held = getattr(os.environ, "_data", None) or dict(os.environ)
    return _secrets_of(tuple(held.items()))


@lru_cache(maxsize=1)
def _secrets_of(_variables: tuple[Any, ...]) -> frozenset[str]:
    return frozenset(
        value
        for name, value in os.environ.items()
        if _names_secret(name) and len(value) >= SHORTEST
    )


def _names_secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return is_secret(name) or name.endswith(("_key", "_auth", "_pat"))


def _clean(value: Any, secrets: tuple[str, ...]) -> Any:
    kind = type(value)
    if kind is str:
        return _hidden(value, secrets)
    if kind is dict:
        return {
            _clean(key, secrets): HIDDEN
            if type(item) is str and type(key) is str and item and is_secret(_plain_name(key))
            else _clean(item, secrets)
            for key, item in value.items()
        }
    if kind in (list, tuple, set, frozenset):
        return kind(_clean(item, secrets) for item in value)
    if kind in (bytes, bytearray):
        for secret in secrets:
            value = value.replace(secret.encode("utf-8", "surrogatepass"), HIDDEN.encode())
        return value
    return value


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    for mark in MARKS:
        if mark in text:
            return hide(text, *secrets)
    for secret in secrets:
        if secret in text:
            return hide(text, *secrets)
    return text


def _plain_name(key: str) -> str:
    return key.lower().replace("-", "_")
