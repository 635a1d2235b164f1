"""What clients return, as plain data that is still read by attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Plain", "plain", "viewed"]

DEEPEST = 40
MOST = 10_000
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


def plain(value: Any) -> Any:
    """`value` in types that a journal stores.

    Plain values stay what they are, tuples and bytes included. Models of pydantic,
    dataclasses and other objects become dicts of what they hold; classes and functions
    become their address in the source. What is deeper than 40 levels, or comes after
    10,000 objects, becomes the name of its class: an answer may hold half of the client.
    """
    return _plain(value, 0, count())


def _plain(value: Any, depth: int, objects: Iterator[int]) -> Any:
    if value is None or type(value) in SIMPLE:
        return value
    if depth > DEEPEST:
        return f"<{type(value).__qualname__}>"
    if isinstance(value, Mapping):
        return {key: _plain(item, depth + 1, objects) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        made = [_plain(item, depth + 1, objects) for item in value]
        return _kind_of(value, made)(made)
    return _object(value, depth, objects)


def _object(value: Any, depth: int, objects: Iterator[int]) -> Any:
    if next(objects) >= MOST:
        return f"<{type(value).__qualname__}>"
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1, objects)
    held = _held(value)
    return _plain(held, depth + 1, objects) if held else _as_kind_or_text(value)


def _kind_of(value: Any, made: list[Any]) -> Any:
    if isinstance(value, (set, frozenset)) and not all(type(item) in SIMPLE for item in made):
        return list  # what became of the items may not fit into a set
    return next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))


def _held(value: Any) -> Any:
    """What an object holds; empty for one that only stands for itself."""
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if hasattr(value, "model_dump"):
        return _dumped(value.model_dump)
    return {n: v for n, v in getattr(value, "__dict__", {}).items() if not n.startswith("_")}


def _dumped(dump: Callable[..., Any]) -> Any:
    try:
        # What a provider sends fits its client's types only mostly; that is no news here.
        return dump(warnings=False)
    except TypeError:  # it is like pydantic's, but not pydantic's
        return dump()


def _as_kind_or_text(value: Any) -> Any:
    # A class of somebody's, derived from a plain one, is that one here.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return bytes(value) if isinstance(value, bytes) else str(value)
