"""What is known of the fields of records: values of their types, and what is wrong with one."""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["example", "reasons_in"]


def example(present: Any, kinds: tuple[Any, ...]) -> Any:
    """The present value; where it is none, one of the only type that there may be besides.

    Args:
        present: the value of a field.
        kinds: the types that it may have.

    Example:
        >>> example(3, (int,)), example(None, (str, type(None))), example(None, (int, str))
        (3, '', None)
    """
    others = [kind for kind in kinds if kind is not type(None)]
    if present is not None or len(others) != 1:
        return present
    if others[0] in (bool, int, float, str):
        return others[0]()
    is_enum = isinstance(others[0], type) and issubclass(others[0], Enum)
    return next(iter(others[0]), None) if is_enum else None


def reasons_in(cause: Exception) -> str:
    """What an error says; those of pydantic say it with much beside it.

    Example:
        >>> reasons_in(ValueError("too large"))
        'too large'
    """
    errors = getattr(cause, "errors", None)
    if not callable(errors) or not type(cause).__module__.startswith("pydantic"):
        return str(cause)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}".lstrip(": ") for e in errors())
