"""The text that puts stand-ins in the place of what the host's functions return."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from opto.sandbox import standins as _standins

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENTRY", "with_standins"]

# Names that no code has by chance.
_ROOM = "_opto_standins"
ENTRY = "_opto_entry"


def with_standins(
    text: str,
    name: str,
    sources: Mapping[str, str],
    functions: Mapping[str, str],
    methods: Mapping[str, str],
) -> tuple[str, str, Mapping[str, str]]:
    """The text, the name of what is called, and the sources, with stand-ins where they are needed.

    Args:
        text: the code.
        name: the function that is called.
        sources: what is run before it.
        functions: which functions of the host return what, by name.
        methods: which methods of the object return what, by name.

    Example:
        >>> with_standins("def f(): pass", "f", {}, {}, {})
        ('def f(): pass', 'f', {})
    """
    if not functions and not methods:
        return text, name, sources
    room = f"{_ROOM} = {{'__name__': {_ROOM!r}}}\nexec({_text()!r}, {_ROOM})"
    first = {_ROOM: room}
    for function, made in functions.items():
        first[f"{_ROOM}_{function}"] = f"{function} = {_wrapped(function, made)}"
    if not methods:
        return text, name, {**first, **sources}
    pairs = ", ".join(f"{m!r}: {_wrapped(f'me.{m}', made)}" for m, made in methods.items())
    # Behind the code, so that its lines keep their numbers; it may also define what it is called.
    entry = (
        f"\n\ndef {ENTRY}(me, *args, **kwargs):\n"
        f"    return {name}({_ROOM}['View'](me, {{{pairs}}}), *args, **kwargs)\n"
    )
    return text + entry, ENTRY, {**first, **sources}


def _wrapped(function: str, wrapper: str) -> str:
    return f"{_ROOM}[{wrapper!r}]({function})"


@lru_cache(maxsize=1)
def _text() -> str:
    return Path(_standins.__file__).read_text(encoding="utf-8")
