"""Arrays of numpy from answers: the shape stays, the dtype stays, nothing is lost.

numpy is not imported: a value of it can only be there where the program imported it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from opto.errors import AnswerError
from opto.optimizers.render import shown

__all__ = ["array", "as_lists", "scalar"]

_ARRAY = re.compile(
    r"\s*(?:(?:np|numpy)\.)?array\((.*?)(?:,\s*dtype=[\w.'\"<>|=]+)?\)\s*", re.DOTALL
)
_BETWEEN = re.compile(r"(?<=[\d.\]])\s+(?=[-+.\d\[])")


def as_lists(text: str) -> str:
    r"""An array as numpy prints it, as Python's lists.

    Example:
        >>> as_lists("[[1. 2.]\n [3. -4.]]"), as_lists("array([1, 2], dtype=int8)")
        ('[[1., 2.], [3., -4.]]', '[1, 2]')
    """
    inner = _ARRAY.fullmatch(text)
    shown = inner[1] if inner else text
    return shown if "," in shown else _BETWEEN.sub(", ", shown)


def array(value: Any, like: Any) -> Any:
    """An array with the shape and the dtype of the present one.

    Raises:
        AnswerError: the shape differs, or the numbers do not fit the dtype.

    Source: SPEC 11.C12.
    """
    numpy = sys.modules["numpy"]
    if not isinstance(value, list | tuple | int | float):
        raise AnswerError(f"it must be a list of numbers, not {shown(value)}")
    if like.dtype.kind == "O":
        return _of_shape(numpy.array(value, dtype=object), like)
    try:
        given = numpy.asarray(value)
    except ValueError:  # lists of several lengths
        raise AnswerError(f"its shape must be {like.shape}, but its rows differ") from None
    given = _of_shape(given, like)
    if like.dtype.kind in "US" and given.dtype.kind in "US":
        return given.astype(like.dtype.kind)  # as wide as the texts are now
    if given.dtype.kind not in "biuf" or like.dtype.kind not in "biufc":
        raise AnswerError(f"it must be numbers of dtype {like.dtype}, not {shown(value)}")
    with numpy.errstate(all="ignore"):
        made = given.astype(like.dtype)
    # Rounding to the nearest float32 is what writing down a decimal number means.
    fits = numpy.isfinite(made).all() if like.dtype.kind in "fc" else (made == given).all()
    if not fits:
        raise AnswerError(f"{shown(value)} does not fit the dtype {like.dtype} without loss")
    return made


def _of_shape(given: Any, like: Any) -> Any:
    if given.shape != like.shape:
        raise AnswerError(f"its shape must be {like.shape}, not {given.shape}")
    return given


def scalar(value: Any, like: Any) -> Any:
    """A scalar of numpy, such as ``numpy.int8``, from a number that was converted already.

    Raises:
        AnswerError: the number does not fit the type.
    """
    kind = type(like)
    try:
        # Not `kind(value)`, which wraps round in numpy 1.
        made = sys.modules["numpy"].asarray(value).astype(kind)[()]
    except (OverflowError, TypeError, ValueError) as cause:
        raise AnswerError(f"{shown(value)} is not in the range of {kind.__name__}") from cause
    exact = like.dtype.kind not in "fc"
    if (exact and made != value) or (not exact and made - made != 0):
        raise AnswerError(f"{shown(value)} is not in the range of {kind.__name__}")
    return made
