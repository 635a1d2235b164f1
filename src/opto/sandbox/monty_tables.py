"""Values on their way out of Monty: containers become lists there, and themselves again here.

Monty's package makes the dicts and sets of this process, also where their keys were chosen to
have one hash, and that can take minutes in which no other thread runs. So they are taken apart
before they leave, and here each is looked at before it is built.
"""

from __future__ import annotations

from typing import Any

from opto.sandbox.wire import Garbage, Limits, TooLarge
from opto.sandbox.worker import hashes

__all__ = ["rebuilt", "taking_apart"]

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (list, tuple, set, frozenset)}
_DEEP = "deep"
# What it uses is bound before the code runs, which could give these names another meaning.
_TEXT = """
def {name}(v, left={depth}, type=type, dict=dict, kinds={{{kinds}}}):
    kind = type(v)
    if kind not in kinds:
        return v
    if left == 0:
        return ["{deep}"]
    parts = [{name}(part, left - 1) for part in v]
    if kind is dict:
        return ["dict", parts, [{name}(part, left - 1) for part in v.values()]]
    return [kinds[kind], parts]
"""


def taking_apart(name: str) -> str:
    """The function that does so in Monty, as text.

    Args:
        name: what it is called; the code must not know.
    """
    kinds = ", ".join(f"{kind}: {kind!r}" for kind in (*_KINDS, "dict"))
    return _TEXT.format(name=name, kinds=kinds, depth=Limits._field_defaults["depth"], deep=_DEEP)


def rebuilt(apart: Any) -> Any:
    """The value that was taken apart.

    Raises:
        TooLarge: it is nested too deep.
        Garbage: many of its keys have one hash.
    """
    if type(apart) is not list:
        return apart
    kind, *columns = apart
    if kind == _DEEP:
        raise TooLarge("nested too deep, or contains itself")
    parts, *values = [[rebuilt(part) for part in column] for column in columns]
    if kind == "list":
        return parts
    try:
        hashes.check(parts)
        return _KINDS[kind](parts) if kind in _KINDS else dict(zip(parts, *values, strict=True))
    except TypeError as error:
        raise Garbage(str(error)) from None
