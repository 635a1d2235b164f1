"""What clients return, as plain data that is still read by attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

__all__ = ["Plain", "plain", "viewed"]

DEEPEST = 40
SIMPLE = frozenset({str, int, float, bool, bytes, bytearray})


class Plain(dict[str, Any]):
    """A dict whose items are attributes too, as they were in the client's own object.

    Example:
        >>> said = viewed({"choices": [{"message": {"content": "hi"}}]})
        >>> said.choices[0].message.content, said["choices"][0]["message"]
        ('hi', {'content': 'hi'})
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the stored answer has no attribute {name!r}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return viewed, (dict(self),)


def viewed(value: Any) -> Any:
    """`value` with every dict in it as a `Plain`."""
    if isinstance(value, dict):
        return Plain({key: viewed(item) for key, item in value.items()})
    return [viewed(item) for item in value] if isinstance(value, list) else value


def plain(value: Any, depth: int = 0) -> Any:
    """`value` in types that a journal stores.

    Plain values stay what they are, tuples and bytes included. Models of pydantic,
    dataclasses and other objects become dicts of what they hold; classes and functions
    become their address in the source; what is deeper than 40 levels becomes its text.
    """
    if value is None or type(value) in SIMPLE:
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if depth > DEEPEST:
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        made = [plain(item, depth + 1) for item in value]
        return _kind_of(value, made)(made)
    return _object(value, depth)


def _kind_of(value: Any, made: list[Any]) -> Any:
    if isinstance(value, (set, frozenset)) and not all(type(item) in SIMPLE for item in made):
        return list  # what became of the items may not fit into a set
    return next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))


def _object(value: Any, depth: int) -> Any:
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    if is_dataclass(value):
        held = {f.name: getattr(value, f.name) for f in fields(value)}
    elif hasattr(value, "model_dump"):
        # What a provider sends fits its client's types only mostly; that is no news here.
        held = value.model_dump(warnings=False)
    else:
        held = {n: v for n, v in getattr(value, "__dict__", {}).items() if not n.startswith("_")}
    return plain(held, depth + 1) if held else _as_kind_or_text(value)


def _as_kind_or_text(value: Any) -> Any:
    # A class of somebody's, derived from a plain one, is that one here.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return bytes(value) if isinstance(value, bytes) else str(value)
