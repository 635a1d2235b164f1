"""The text that puts stand-ins in the place of what the host's functions return."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from opto.sandbox import standins as _standins

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENTRY", "ROOM", "with_standins"]

# Names that no code has by chance.
ROOM, ENTRY = "_opto_standins", "_opto_entry"
# Around functions that say with each answer what stands for it: most often, nothing.
_TELLING = {
    "as_told": """def _opto_told(function):
    def call(*args, **kwargs):
        kind, value = function(*args, **kwargs)
        return _opto_standins(kind)(value) if kind else value
    return call
""",
    "as_told_later": """def _opto_told_later(function):
    async def call(*args, **kwargs):
        kind, value = await function(*args, **kwargs)
        return _opto_standins(kind)(value) if kind else value
    return call
""",
}
# Read when it is first asked for something, which takes a millisecond.
_FINDING = """def _opto_standins(name, room={{'__name__': '_opto_standins'}}):
    if len(room) == 1:
        exec({text!r}, room)
    return room[name]
"""


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
        methods: which methods of the object return what, by name; or, behind a colon, the
            function that takes the place of one, and before it how it is called.

    Example:
        >>> with_standins("def f(): pass", "f", {}, {}, {})
        ('def f(): pass', 'f', {})
    """
    if not functions and not methods:
        return text, name, sources
    used = {*functions.values(), *methods.values()}
    first = {ROOM: _FINDING.format(text=_text())}
    first |= {f"{ROOM}.{made}": text for made, text in _TELLING.items() if made in used}
    for function, made in functions.items():
        first[f"{ROOM}_{function}"] = f"{function} = {_wrapped(function, made)}"
    if not methods:
        return text, name, {**first, **sources}
    pairs = ", ".join(f"{m!r}: {_wrapped(f'me.{m}', made)}" for m, made in methods.items())
    # Behind the code, so that its lines keep their numbers; it may also define what it is called.
    entry = (
        f"\n\ndef {ENTRY}(me, *args, **kwargs):\n"
        f"    return {name}({ROOM}('View')(me, {{{pairs}}}), *args, **kwargs)\n"
    )
    return text + entry, ENTRY, {**first, **sources}


def _wrapped(function: str, made: str) -> str:
    how, _, instead = made.partition(":")
    if instead:
        return f"{ROOM}({how!r})({instead})" if how else instead
    wrapper = made.replace("as_", "_opto_") if made in _TELLING else f"{ROOM}({made!r})"
    return f"{wrapper}({function})"


@lru_cache(maxsize=1)
def _text() -> str:
    return Path(_standins.__file__).read_text(encoding="utf-8")
