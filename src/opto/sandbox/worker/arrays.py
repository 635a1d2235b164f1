"""Arrays and scalars of NumPy as a word on their form, and their bytes.

NumPy is imported only where an array is read, and never to write one: who has an array has it.
"""

from __future__ import annotations

import re
import sys
from math import prod
from typing import Any, NamedTuple

from .bits import Garbage, TooLarge

__all__ = ["Array", "from_numpy", "rebuilt"]

_KIND = r"[<>|](?:[biufcSU]\d{1,7}|[mM]8\[\d{0,9}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]|[mM]8)"
_DTYPE = re.compile(_KIND)
# An array without values may have any shape. It becomes at most so many lists, and so much if it
# is summed.
_ROWS, _WIDE = 1 << 20, 1 << 26
_FORM = re.compile(rf"([as])({_KIND})((?:,\d{{1,18}}){{0,32}})")


class Array(NamedTuple):
    """An array on its way.

    Attributes:
        form: ``a`` or, for a scalar, ``s``; the dtype; the shape.
        raw: its values, in C's order.
    """

    form: str
    raw: bytes


def from_numpy(value: Any) -> Array | None:
    """An array or scalar of a plain dtype, else None; raises `TooLarge` for odd shapes."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if type(value) is numpy.ndarray:
        kind = "a"
    elif isinstance(value, numpy.generic) and type(value) is value.dtype.type:
        kind = "s"
    else:
        return None
    dtype = value.dtype.str
    if not _DTYPE.fullmatch(dtype):
        return None
    if _is_endless(value.shape):
        raise TooLarge(f"an array of nothing, of the shape {value.shape}")
    return Array(kind + dtype + "".join(f",{n}" for n in value.shape), value.tobytes())


def rebuilt(form: str, raw: bytes) -> Any:
    """The array or scalar; raises `Garbage`, `TypeError` or `ValueError` if it is none."""
    try:
        # lazy: who reads an array has NumPy, or is told so; others need not wait for it.
        import numpy as np
    except ImportError:
        raise Garbage("an array, and NumPy is not installed") from None
    read = _FORM.fullmatch(form)
    if read is None:
        raise Garbage("no form of an array")
    dtype = np.dtype(read[2])
    shape = tuple(map(int, read[3].split(",")[1:]))
    if dtype.itemsize == 0:
        # An empty text; an array's dtype always has a size.
        if shape or read[1] != "s":
            raise Garbage("an array of nothing")
        return dtype.type()
    if prod(shape) * dtype.itemsize != len(raw):
        raise Garbage("an array with more or fewer values than its form says")
    if _is_endless(shape):
        raise Garbage("an array of nothing that has no end")
    flat = np.frombuffer(raw, dtype) if raw else np.zeros(0, dtype)
    _check(np, flat)
    if read[1] == "s":
        if shape:
            raise Garbage("a scalar with a shape")
        return flat[0]
    return flat.reshape(shape).copy()


def _is_endless(shape: tuple[int, ...]) -> bool:
    """Whether there is nothing in an array, and no end to what can be made of it."""
    if 0 not in shape:
        return False
    return prod(shape[: shape.index(0)]) > _ROWS or prod(filter(None, shape)) > _WIDE


def _check(np: Any, flat: Any) -> None:
    """Refuse bytes that NumPy itself would never write."""
    if flat.dtype.kind == "b" and flat.size and flat.view(np.uint8).max() > 1:
        raise Garbage("booleans that are neither true nor false")
    if flat.dtype.kind == "U" and flat.size:
        points = flat.view(np.dtype(np.uint32).newbyteorder(flat.dtype.byteorder))
        if points.max() > 0x10FFFF:
            raise Garbage("characters that are none")
