"""Values as Python literals that give back exactly the same value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.containers import Map, Seq
from opto.trace.nodes import Node, ParameterNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["holds_parameters", "literal", "plain"]

_WIDTH = 88


def literal(value: Any, where: str, margin: str = "") -> str:
    """Python text that evaluates to `value`, of exactly the same types.

    Args:
        value: None, a bool, number, text, bytes, or a list, tuple, dict or set of those.
        where: what it is the value of, for the message.
        margin: the indentation of the statement it stands in; long text is broken into lines.

    Raises:
        StoreError: `value` has no literal form.

    Example:
        >>> literal({"a": (1,), "b": set()}, "self.x")
        "{'a': (1,), 'b': set()}"
    """
    try:
        text = _write(value, frozenset())
    except _NoLiteral as cause:
        raise StoreError(
            f"the value of {where} cannot be written as Python: {cause}; keep plain values in "
            f"parameters, or save() them"
        ) from cause
    except RecursionError as cause:
        raise StoreError(f"the value of {where} is nested too deeply to be written") from cause
    if type(value) is str and len(margin) + len(text) > _WIDTH and "\n" in value:
        lines = "".join(f"{margin}    {line!r}\n" for line in value.splitlines(keepends=True))
        return f"(\n{lines}{margin})"
    return text


class _NoLiteral(Exception):
    """This object has no literal form."""


def _write(value: Any, above: frozenset[int]) -> str:
    kind = type(value)
    if kind in _SIMPLE:
        return _SIMPLE[kind](value)
    if kind not in _NESTED:
        raise _NoLiteral(f"it holds a {kind.__module__}.{kind.__qualname__}")
    if id(value) in above:
        raise _NoLiteral("it contains itself")
    inside = above | {id(value)}
    return _NESTED[kind](value, lambda part: _write(part, inside))


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value!r}")'


def _integer(value: int) -> str:
    # In base 10 Python limits the length of an integer.
    return repr(value) if abs(value) < 10**1000 else hex(value)


def _complex(value: complex) -> str:
    return f"complex({_float(value.real)}, {_float(value.imag)})"


_SIMPLE: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    type(...): repr,
    bool: repr,
    int: _integer,
    float: _float,
    complex: _complex,
    str: repr,
    bytes: repr,
    bytearray: repr,
    range: repr,
}


def _row(inner: Callable[[Any], str], items: Iterable[Any]) -> str:
    return ", ".join(map(inner, items))


def _sorted(inner: Callable[[Any], str], items: Iterable[Any]) -> str:
    # A set has no order; the text should not change from one run to the next.
    return ", ".join(sorted(map(inner, items)))


_NESTED: dict[type, Callable[[Any, Callable[[Any], str]], str]] = {
    list: lambda value, inner: f"[{_row(inner, value)}]",
    tuple: lambda value, inner: f"({_row(inner, value)}{',' if len(value) == 1 else ''})",
    set: lambda value, inner: f"{{{_sorted(inner, value)}}}" if value else "set()",
    frozenset: lambda value, inner: f"frozenset(({_sorted(inner, value)}{',' if value else ''}))",
    dict: lambda value, inner: (
        "{" + ", ".join(f"{inner(key)}: {inner(item)}" for key, item in value.items()) + "}"
    ),
}


def plain(value: Any) -> Any:
    """`value` with its nodes replaced by what they hold, `Seq` by a list, `Map` by a dict."""
    if isinstance(value, Node):
        return value._data
    if isinstance(value, Seq):
        return [plain(item) for item in value.data]
    if isinstance(value, Map):
        return {plain(key): plain(item) for key, item in value.data.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def holds_parameters(value: Any) -> bool:
    """Whether `value` is a parameter, a `Seq` or `Map`, or a plain collection of parameters."""
    if isinstance(value, ParameterNode | Seq | Map):
        return True
    if type(value) is dict:
        return any(isinstance(item, ParameterNode) for item in value.values())
    return type(value) in (list, tuple) and any(isinstance(i, ParameterNode) for i in value)
