"""Of what kind a value of the host is: plain data, or something that answers calls."""

from __future__ import annotations

import inspect
from types import BuiltinFunctionType
from typing import Any

from opto.llm import LLM
from opto.sandbox.wire import TooLarge, Unsendable, check
from opto.trace.bundle import FunModule

__all__ = ["NODE", "TOLD", "awaits", "is_plain", "standin_for", "strange_in", "told_by"]

# What stands for a node whose value is sent.
NODE = "Node"
# Wrappers of functions that say with each answer what it is.
TOLD = ("as_told", "as_told_later")
_PLAIN = frozenset((bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset))


def is_plain(value: Any) -> bool:
    """Whether a copy of `value` can be sent; of containers, whether one of its kind can.

    Example:
        >>> is_plain([print]), is_plain(3), is_plain(print)
        (True, True, False)
    """
    if value is None or type(value) in _PLAIN:
        return True
    try:
        check(value)
    except Unsendable:
        return False
    return True


def strange_in(value: Any) -> str | None:
    """What is no plain data of all that `value` holds, and where; None if nothing.

    Example:
        >>> strange_in({"a": [1, len]})
        "a value of type builtin_function_or_method at ['a'][1]"
    """
    try:
        check(value)
    except Unsendable as error:
        return str(error).partition(": only")[0]
    except TooLarge:
        return None  # so says whoever sends it
    return None


def standin_for(function: Any) -> str | None:
    """What in `opto.sandbox.standins` wraps `function`; None where that is not known beforehand.

    Example:
        >>> from opto.trace import bundle
        >>> standin_for(bundle()(lambda x: x)), standin_for(len)
        ('as_node', None)
    """
    if isinstance(function, FunModule):
        return "as_node_later" if awaits(function) else "as_node"
    return "as_reply" if isinstance(function, LLM) else None


def told_by(function: Any) -> str | None:
    """The same for a function that is called in the host: the user's own tell with each answer.

    Example:
        >>> told_by(lambda x: x), told_by(len)
        ('as_told', None)
    """
    found = standin_for(function)
    if found is not None or isinstance(function, BuiltinFunctionType):
        return found
    return TOLD[awaits(function)]


def awaits(function: Any) -> bool:
    """Whether calling `function` gives something to be awaited."""
    if isinstance(function, FunModule):
        return function._callee.asynchronous
    return inspect.iscoroutinefunction(function)
