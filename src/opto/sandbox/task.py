"""One call of foreign code, as data: its text, what it is called with, and what it may name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Names", "SelfView", "Task"]


@dataclass(frozen=True, slots=True)
class SelfView:
    """What a method of foreign code gets for `self`: a copy that can be read, not changed.

    It is handed over as the first argument, before `Task.args`.

    Attributes:
        parameter: what the code calls it.
        owner: name of its class, for messages.
        values: attributes that are plain data; the code gets copies.
        host: methods, called without `self`; they run in the host and count as host calls.
        left_out: attribute -> why it is not there; what an access raises, as `AttributeError`.
    """

    parameter: str = "self"
    owner: str = "object"
    values: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """What the code finds under the names that it does not define itself.

    Attributes:
        modules: alias -> ``"module"`` or ``"module:attribute"``, imported in the worker.
        values: name -> plain data, copied.
        sources: name -> source of a function or class that the code may use; run before the
            code, in this order, in the same namespace.
        host: name -> callable of this process; the code gets a stub that calls it here.
        self_view: what stands for `self`, if the function is a method.
    """

    modules: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    self_view: SelfView | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a function that a text defines.

    Args:
        text: source of the function, and whatever else it defines.
        name: the function that is called.
        args: positional arguments, plain data.
        kwargs: keyword arguments, plain data.
        names: what the text may name beside the builtins.
        label: file name of the text in tracebacks.
        flags: compile flags of the text and of the sources: features of ``__future__``.
    """

    text: str
    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    label: str = "<candidate>"
    flags: int = 0
