"""What a function is called as an operation, and of what kind it is."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from opto.errors import BundleError, NodeError
from opto.trace.nodes import get_op_name

__all__ = ["FACE", "check_text", "described", "kind_of"]

# What a bundled function has of the function.
FACE = ("__module__", "__name__", "__qualname__", "__doc__")


def check_text(description: Any) -> None:
    """Refuse a function where a description belongs.

    Raises:
        BundleError: bundle was written without parentheses.
    """
    if callable(description):
        raise BundleError("bundle takes options: write @bundle() with parentheses")


def kind_of(fun: Any) -> str:
    """``"static"``, ``"class"`` or ``"instance"``: to what a method is bound."""
    if isinstance(fun, staticmethod):
        return "static"
    return "class" if isinstance(fun, classmethod) else "instance"


def described(fun: Any, description: str | None) -> str:
    """The description of a function, tagged with the name of its operation.

    Raises:
        BundleError: `description` has no name in brackets.

    Example:
        >>> described(inspect.cleandoc, None).partition("]")[0]
        '[cleandoc'
    """
    if description is not None:
        try:
            get_op_name(description)
        except NodeError as error:
            raise BundleError(str(error)) from error
        return description
    while isinstance(fun, functools.partial):
        fun = fun.func
    name = getattr(fun, "__qualname__", type(fun).__qualname__)
    name = name.replace("<locals>.", "").replace("<lambda>", "lambda")
    return f"[{name}] {inspect.getdoc(fun) or ''}".rstrip()
