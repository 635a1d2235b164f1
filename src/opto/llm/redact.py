"""Secrets are taken out of whatever is asked, stored or shown."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opto.llm.environment import environment_secrets, is_ordinary, is_secret, named_secrets
from opto.llm.secret import HIDDEN, hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opto.llm.types import Request

__all__ = [
    "HIDDEN",
    "cleaned",
    "environment_secrets",
    "is_clean",
    "named_secrets",
    "redacted",
    "without_secrets",
]

# Without one of these, nothing in a text looks like a key to `opto.llm.secret`. Its pattern has
# no fixed beginning, so that searching with it takes longer than all the rest of writing.
MARKS = ("sk-", "gsk_", "xai-", "k_live_", "k_test_", "hf_", "Bearer ", "://")
# The shortest of all that is taken out: an address with one letter in place of a key.
SHORTEST = len("://k@")


def redacted(value: Any, secrets: Iterable[str] = ()) -> Any:
    """`value` without the secrets of the environment, the given ones, and what looks like a key.

    Texts are searched wherever they stand in lists, tuples, sets and dicts, and bytes as
    well. In a dict, a text under a name that is one of a secret (``api_key``,
    ``Authorization``, ``password``) goes as a whole.

    Args:
        value: a plain value.
        secrets: further texts that must not be stored; an ordinary word stays.

    Example:
        >>> redacted({"api_key": "hunter2", "said": ["hunter2 is bad"]}, ["hunter2"])
        {'api_key': '***', 'said': ['*** is bad']}
    """
    # The longest first: one secret may be part of another.
    unwanted = {s for s in secrets if not is_ordinary(s)} | environment_secrets().keys()
    return _clean(value, tuple(sorted(unwanted, key=len, reverse=True)))


def is_clean(texts: Iterable[str]) -> bool:
    """Whether some texts hold no secret of the environment and nothing that looks like a key.

    For thousands of texts this takes a small part of the time of `redacted`.

    Example:
        >>> is_clean(["one", "two"]), is_clean(["one", "https://user:hunter2@host"])
        (True, False)
    """
    whole = "\0".join(texts)  # no key goes over a NUL
    return _hidden(whole, tuple(environment_secrets())) is whole


def cleaned(text: str) -> str:
    """`text` without the secrets of the environment, and with all else in it.

    What is cut off or escaped later must be cleaned before: half of a secret is not found.

    Example:
        >>> cleaned("a text without any")
        'a text without any'
    """
    for secret in environment_secrets():
        text = text.replace(secret, HIDDEN)
    return text


def without_secrets(request: Request) -> Request:
    """The request without the secrets of the environment; itself where it holds none.

    What a program tells a model, it tells somebody else: a key that got into a value or an
    error message would be sent along. They are taken out of messages, and of all other
    arguments but those that carry a key by their name (``api_key``, ``headers``). The log
    says once for each variable that this was done.

    Example:
        >>> import os
        >>> from opto.llm import Request
        >>> os.environ["MY_API_KEY"] = "hunter2hunter2"
        >>> without_secrets(Request.of("The key hunter2hunter2 is refused.")).messages
        ({'role': 'user', 'content': 'The key *** is refused.'},)
        >>> del os.environ["MY_API_KEY"]
    """
    secrets = environment_secrets()
    if not secrets:
        return request
    # Identity, not equality: comparing what was not changed would take as long again.
    messages = _without(request.messages, secrets)
    shape = _without(request.response_format, secrets)
    extra = _without_but_named(request.extra, secrets)
    if messages is request.messages and shape is request.response_format and extra is request.extra:
        return request
    return replace(request, messages=messages, response_format=shape, extra=extra)


def _without(value: Any, secrets: Mapping[str, str]) -> Any:
    """The value with these texts, and nothing else, taken out; itself where it holds none."""
    if isinstance(value, str):
        for secret, variable in secrets.items():
            if secret in value:
                value = value.replace(secret, HIDDEN)
                _tell(variable)
        return value
    if isinstance(value, dict):
        clean = {_without(key, secrets): _without(item, secrets) for key, item in value.items()}
        same = all(a is b for a, b in zip(clean.values(), value.values(), strict=False))
        return value if same and clean.keys() == value.keys() else clean
    if isinstance(value, (list, tuple)):
        items = [_without(item, secrets) for item in value]
        same = all(a is b for a, b in zip(items, value, strict=True))
        return value if same else (items if isinstance(value, list) else tuple(items))
    if hasattr(value, "model_dump") and not isinstance(value, type):
        held = value.model_dump(exclude_none=True)
        # Whatever else has a method of that name is no part of a question.
        clean = _without(held, secrets) if isinstance(held, dict) else held
        return value if clean is held else clean
    return value


def _without_but_named(arguments: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    """The same, except for what is a key by its name: that one is meant to be sent."""
    clean = {
        name: item if is_secret(_plain_name(str(name))) else _inner(item, secrets)
        for name, item in arguments.items()
    }
    same = all(a is b for a, b in zip(clean.values(), arguments.values(), strict=True))
    return arguments if same else clean


def _inner(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return _without_but_named(value, secrets)
    if isinstance(value, (list, tuple)):
        items = [_inner(item, secrets) for item in value]
        same = all(a is b for a, b in zip(items, value, strict=True))
        return value if same else items
    return _without(value, secrets)


@lru_cache(maxsize=256)
def _tell(variable: str) -> None:
    """Say it; once, as the cache remembers having said it."""
    # lazy: a program that leaks nothing logs nothing
    from logging import getLogger

    getLogger("opto.llm").warning(
        "a question held the value of the environment variable %s: it was taken out, and *** "
        "stands there",
        variable,
    )


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
        return kind([_clean(item, secrets) for item in value])
    if kind in (bytes, bytearray):
        for secret in secrets:
            value = value.replace(secret.encode("utf-8", "surrogatepass"), HIDDEN.encode())
        return value
    return value


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    if len(text) < SHORTEST:
        return text
    for mark in MARKS:
        if mark in text:
            return hide(text, *secrets)
    for secret in secrets:
        if secret in text:
            return hide(text, *secrets)
    return text


def _plain_name(key: str) -> str:
    return key.lower().replace("-", "_")
