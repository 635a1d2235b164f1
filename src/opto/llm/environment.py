"""Which names carry keys, and which values of the environment are secrets.

A secret is the value of a variable that is named as one (``OPENAI_API_KEY``,
``DB_PASSWORD``), and in any variable the password within an address, the value of a pair
such as ``password=...``, and what stands under such a name in JSON. What is likely to stand
in texts by itself is none, whatever its variable is called: see `is_ordinary`.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["environment_secrets", "is_ordinary", "is_secret", "named_secrets"]

# Arguments of providers whose value opens something, whatever the provider calls it.
SECRET = re.compile(
    r"(api_key|access_key(_id)?|secret\w*|token|token_provider|credentials?|password"
    r"|headers|authorization)$"
)
# What variables, and pairs in addresses, are called beside that; several of a kind are numbered.
ALSO = re.compile(r"(apikey|_key|auth|_pat|passwd|_pwd|passphrase|_pass)$")
NUMBERED = re.compile(r"_?\d+$")
# A shorter value is a switch, or found by chance; it protects nothing either.
SHORTEST = 6
LONGEST_WORD = 12
WORD = re.compile(r"[^\W\d_]+(?:[-_ ][^\W\d_]+)*")
NUMBER = re.compile(r"\d{1,6}(?:[.,:/-]\d{1,6}){0,3}")
# In the address of a web server, a user alone is a token; in that of a database, it is a name.
USER = re.compile(r"(?:https?://|://[^/:@\s]*:)([^/@\s]+)@")
PAIR = re.compile(r"([\w-]{1,60}) ?= ?([^;&\s\"']+)")


def is_secret(argument: str) -> bool:
    """Whether an argument of that name carries a key.

    Example:
        >>> is_secret("azure_ad_token"), is_secret("max_tokens")
        (True, False)
    """
    return SECRET.search(argument) is not None


def named_secrets(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The texts that stand under names of secrets, in headers within them as well.

    Example:
        >>> list(named_secrets({"api_key": "a", "headers": {"Authorization": "Bearer b"}}))
        ['a', 'b']
    """
    for name, value in arguments.items():
        if isinstance(value, dict):
            yield from named_secrets(value)
        elif isinstance(value, str) and is_secret(str(name).lower().replace("-", "_")):
            yield value.removeprefix("Bearer ")


def is_ordinary(value: str) -> bool:
    """Whether a text is likely to stand anywhere by itself, so that taking it out helps nobody.

    It is where it is shorter than 6 characters; one sign again and again; a word of up to 12
    letters in one case, or several such joined by ``-``, ``_`` or a space; a number of up to 6
    digits, a version, a date; or the path of something that exists.

    Example:
        >>> [is_ordinary(text) for text in ("changeme", "not-needed", "100000", "******")]
        [True, True, True, True]
        >>> [is_ordinary(text) for text in ("hunter2", "xKqzVbn", "correct horse battery")]
        [False, False, False]
    """
    if len(value) < SHORTEST or len(set(value)) == 1 or NUMBER.fullmatch(value):
        return True
    if len(value) <= LONGEST_WORD and WORD.fullmatch(value):
        return value in {value.lower(), value.upper(), value.title(), value.capitalize()}
    # Not of `pathlib`, which fails where a name is too long to be one.
    return os.path.isabs(value) and os.path.exists(value)  # noqa: PTH110, PTH117


def environment_secrets() -> Mapping[str, str]:
    """The secrets of the environment, each with the name of its variable.

    The longest come first: one may be part of another. A secret stands here in every form
    in which a text may hold it: as it is, escaped in JSON or by Python, quoted in an address.

    Example:
        >>> os.environ["MY_DB_PASSWORD"] = "hunter2hunter2"
        >>> environment_secrets()["hunter2hunter2"]
        'MY_DB_PASSWORD'
        >>> del os.environ["MY_DB_PASSWORD"]
    """
    # What `os.environ` keeps its items in, where it can be had: reading all of them through
    # `os.environ` decodes each, which takes longer than writing an event.
    held = getattr(os.environ, "_data", None) or dict(os.environ)
    return _secrets_of(tuple(held.items()))


@lru_cache(maxsize=1)
def _secrets_of(_variables: tuple[Any, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in os.environ.items():
        for secret in _secrets_in(name, value):
            if not is_ordinary(secret):
                for form in _forms(secret):
                    found.setdefault(form, name)
    return MappingProxyType(dict(sorted(found.items(), key=lambda pair: -len(pair[0]))))


def _secrets_in(name: str, value: str) -> Iterator[str]:
    if _names_secret(name):
        yield value
        yield value.strip()
    for user in USER.findall(value):
        yield user.rpartition(":")[2]
    for key, said in PAIR.findall(value):
        if _names_secret(key) or key.lower() == "pwd":  # alone, it is a directory
            yield said
    if value[:1] in {"{", "["}:
        yield from _in_json(value)


def _in_json(value: str) -> Iterator[str]:
    try:
        held = json.loads(value)
    except ValueError:
        return
    for part in held if isinstance(held, list) else [held]:
        if isinstance(part, dict):
            yield from named_secrets(part)


def _names_secret(name: str) -> bool:
    name = NUMBERED.sub("", name.lower().replace("-", "_"))
    return is_secret(name) or ALSO.search(name) is not None


def _forms(secret: str) -> set[str]:
    # lazy: 3 ms of import, paid once there is a secret
    from urllib.parse import quote, quote_plus, unquote

    said = {text for text in (secret, unquote(secret)) if len(text) >= SHORTEST}
    # Twice: the arguments of a tool's call are JSON in JSON.
    escaped = {form for text in said for form in _escaped(text)}
    twice = {form for text in escaped for form in _escaped(text)}
    ways = (quote, quote_plus)
    quoted = {way(text, safe="", errors="replace") for text in said for way in ways}
    return said | escaped | twice | quoted


def _escaped(text: str) -> tuple[str, ...]:
    return (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
