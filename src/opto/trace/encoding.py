"""Plain values as JSON and back, with their exact types.

JSON knows six kinds of values. The others are written as an object whose first key is
``"$"`` and names the type. Both directions are closed: a type that is not in the tables
here is refused, and reading builds nothing but the types of the tables.
"""

from __future__ import annotations

import base64
import math
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decoded", "encoded"]

TAG = "$"

# `int` to text in base 10 is limited to 4300 digits by Python; beyond this, base 16.
_LONG = 10**1000

# Kinds of numbers and text that an array's bytes say all about; objects are not among them.
_ARRAY_TYPE = re.compile(r"[<>|=][biufcSUMm]\d+(\[\d*[A-Za-z]+\])?")


def encoded(value: Any, where: str) -> Any:
    """What `json` writes for `value`.

    Args:
        value: a plain value: None, bool, int, float, complex, str, bytes, bytearray, list,
            tuple, dict, set, frozenset, of each other at will, or a numpy array or number.
        where: the parameter's name, for messages.

    Raises:
        StoreError: another type is in it, a value contains itself, or it is nested too deeply.
    """
    try:
        return _encode(value, where, set())
    except RecursionError as cause:
        raise StoreError(
            f"the value of {where} is nested too deeply to be written as JSON; make it flatter"
        ) from cause


def _encode(value: Any, where: str, above: set[int]) -> Any:
    kind = type(value)
    # Most of what is written; the rest goes the long way.
    if kind is str and value.isascii():
        return value
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(value)
    if kind not in _NESTED:
        return _encode_array(value, where)
    if id(value) in above:
        raise StoreError(f"the value of {where} contains itself, which JSON cannot say")
    above.add(id(value))
    made = _NESTED[kind](value, lambda part: _encode(part, where, above))
    above.discard(id(value))
    return made


def _tagged(tag: str) -> Callable[[Any], dict[str, Any]]:
    return lambda content: {TAG: tag, "of": content}


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair: JSON would join two of them
        return _tagged("str")(_ascii(value.encode("utf-8", "surrogatepass")))
    return value


def _ascii(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _float(value: float) -> Any:
    return value if math.isfinite(value) else _tagged("float")(repr(value))


def _members(tag: str) -> Callable[[Any, Callable[[Any], Any]], Any]:
    def encode(value: Any, inner: Callable[[Any], Any]) -> Any:
        made = [inner(item) for item in value]
        # A set has no order; a file should not change from one run to the next.
        return _tagged(tag)(sorted(made, key=repr) if "set" in tag else made)

    return encode


def _mapping(value: dict[Any, Any], inner: Callable[[Any], Any]) -> Any:
    if TAG not in value and all(map(_is_name, value)):
        return {key: inner(item) for key, item in value.items()}
    return _tagged("dict")([[inner(key), inner(item)] for key, item in value.items()])


def _is_name(key: Any) -> bool:
    return type(key) is str and (key.isascii() or _text(key) == key)


_SIMPLE: dict[type, Callable[[Any], Any]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    int: lambda value: value if -_LONG < value < _LONG else _tagged("int")(hex(value)),
    float: _float,
    str: _text,
    complex: lambda value: _tagged("complex")([_float(value.real), _float(value.imag)]),
    bytes: lambda value: _tagged("bytes")(_ascii(value)),
    bytearray: lambda value: _tagged("bytearray")(_ascii(value)),
}

_NESTED: dict[type, Callable[[Any, Callable[[Any], Any]], Any]] = {
    list: lambda value, inner: [inner(item) for item in value],
    tuple: _members("tuple"),
    set: _members("set"),
    frozenset: _members("frozenset"),
    dict: _mapping,
}


def _encode_array(value: Any, where: str) -> Any:
    # A value can only be numpy's if somebody has loaded numpy.
    numpy = sys.modules.get("numpy")
    if numpy is not None and (type(value) is numpy.ndarray or isinstance(value, numpy.generic)):
        scalar = isinstance(value, numpy.generic)
        array = numpy.asarray(value)
        if _ARRAY_TYPE.fullmatch(array.dtype.str):
            raw = _ascii(array.tobytes())
            head = {"dtype": array.dtype.str, "shape": list(array.shape)}
            return {TAG: "numpy.scalar" if scalar else "numpy.ndarray", **head, "of": raw}
    raise StoreError(
        f"the value of {where} holds a {type(value).__module__}.{type(value).__qualname__}, which "
        f"has no exact form in JSON; keep plain values in parameters (numbers, text, bytes, lists, "
        f"tuples, dicts, sets, numpy arrays) and build other objects from them"
    )


def decoded(made: Any, where: str) -> Any:
    """The value that `encoded` wrote.

    Args:
        made: what `json` read.
        where: the parameter's name, for messages.

    Raises:
        StoreError: it is not of the form that `encoded` writes.
    """
    try:
        return _decode(made)
    except StoreError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as cause:
        raise StoreError(f"the saved value of {where} is damaged: {cause!r}") from cause


def _decode(made: Any) -> Any:
    if isinstance(made, list):
        return [_decode(item) for item in made]
    if not isinstance(made, dict):
        return made
    if TAG not in made:
        return {key: _decode(item) for key, item in made.items()}
    tag = made[TAG]
    if tag in ("numpy.ndarray", "numpy.scalar"):
        return _decode_array(made)
    if set(made) != {TAG, "of"} or tag not in _READERS:
        raise StoreError(f"a saved value is of the kind {tag!r}, which this version does not know")
    return _READERS[tag](made["of"])


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda content: int(content, 16),
    "float": {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.__getitem__,
    "complex": lambda content: complex(*(_decode(part) for part in content)),
    "str": lambda content: _raw(content).decode("utf-8", "surrogatepass"),
    "bytes": _raw,
    "bytearray": lambda content: bytearray(_raw(content)),
    "tuple": lambda content: tuple(_decode(content)),
    "set": lambda content: set(_decode(content)),
    "frozenset": lambda content: frozenset(_decode(content)),
    "dict": lambda content: {_decode(key): _decode(item) for key, item in content},
}


def _decode_array(made: dict[str, Any]) -> Any:
    dtype, shape = made["dtype"], made["shape"]
    if set(made) != {TAG, "dtype", "shape", "of"} or not _ARRAY_TYPE.fullmatch(dtype):
        raise StoreError(f"a saved array is of the kind {dtype!r}, unknown to this version")
    try:
        # Optional, and only files with arrays in them need it.
        numpy = import_module("numpy")
    except ImportError as cause:
        raise StoreError(
            "the file holds numpy arrays, and numpy is not installed; install it: pip install numpy"
        ) from cause
    raw, sides = _raw(made["of"]), [int(side) for side in shape]
    if math.prod(sides) * numpy.dtype(dtype).itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes are no array of the shape {sides} of {dtype}")
    # A copy of the bytes, because an array over bytes cannot be written to.
    array = numpy.ndarray(sides, dtype, bytearray(raw) or None)
    return array[()] if made[TAG] == "numpy.scalar" else array
