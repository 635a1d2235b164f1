"""What a method of foreign code gets for `self`: what can be read of the object, as data."""

from __future__ import annotations

import inspect
from types import MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, TypeAlias

from opto.sandbox.guard import is_guarded
from opto.sandbox.kinds import NODE, is_plain, strange_in, told_by
from opto.sandbox.names import WAYS
from opto.sandbox.task import SelfView
from opto.trace.bundle import FunModule
from opto.trace.containers import RESERVED, members
from opto.trace.define import layers
from opto.trace.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opto.sandbox.analysis import Facts

    # From a method, and what it is called, to the function in the worker that does as it does,
    # and what that reads of the object.
    Offer: TypeAlias = Callable[[str, Any], tuple[str, tuple[str, ...] | None] | None]

__all__ = ["view_of"]

_ABSENT = object()
_NOT_CALLED = (
    "runs in your program, and the original code does not call it: grant it by "
    "sandbox.Policy(host={{{name!r}: ...}}), as a function {name}(); pass what it returns; or run "
    'the code in your program by sandbox="none", if you trust it'
)
# What Python itself computes of a class.
_OF_CLASSES = frozenset(("__name__", "__qualname__"))


def view_of(
    me: Any,
    facts: Facts,
    original: Facts | None,
    own: tuple[str, Any] = ("", None),
    offer: Offer = lambda _name, _value: None,
) -> tuple[SelfView, dict[str, str], list[Node[Any]]]:
    """The view of `me` that a method may have.

    Only what the code reads is copied. What runs code of the user's (methods, properties)
    is called in the host if the user's own text of the method used it as well; else it is there
    if it can be run in a worker, where it can do no harm. Nodes are there if that text read them.

    Args:
        me: the object; a class, for a class method.
        facts: of the code.
        original: of the user's own text; None if that is not known.
        own: what the code's function is called, and the user's own, whose place it takes.
        offer: offers a method to the worker by its source; see `opto.sandbox.names`.

    Returns:
        The view; which attributes are, or return, stand-ins, of which kind; and the nodes whose
        values are among them.
    """
    kind = me if isinstance(me, type) else type(me)
    seen = _Seen(me, kind, None if original is None else original.attributes, own, offer)
    for name in facts.attributes if facts.attributes is not None else _all_of(me):
        seen.look(name, named=facts.attributes is not None)
    view = SelfView(
        parameter=facts.first or "self",
        owner=kind.__name__,
        values=seen.values,
        host=seen.host,
        left_out=seen.left_out,
    )
    return view, seen.standins, seen.nodes


def _all_of(me: Any) -> list[str]:
    found = vars(me) if isinstance(me, type) else members(me)
    return [name for name in found if not name.startswith(("__", RESERVED))]


class _Seen:
    """What was found of an object, sorted."""

    def __init__(
        self,
        me: Any,
        kind: type,
        granted: Iterable[str] | None,
        own: tuple[str, Any],
        offer: Offer,
    ) -> None:
        self.me, self.kind, self.own, self.offer = me, kind, own, offer
        # Code that reads its object by `getattr` may be said to read all of it.
        self.granted: frozenset[str] | None = None if granted is None else frozenset(granted)
        self.values: dict[str, Any] = {}
        self.host: dict[str, Callable[..., Any]] = {}
        self.left_out: dict[str, str] = {}
        self.standins: dict[str, str] = {}
        self.nodes: list[Node[Any]] = []
        self._met: set[str] = set()

    def look(self, name: str, *, named: bool) -> None:
        """Find `name`, and decide what becomes of it; what is `named` is what the code reads."""
        if name in self._met:
            return
        self._met.add(name)
        private = name.startswith("__") and not name.endswith("__")
        real = f"_{self.kind.__name__.lstrip('_')}{name}" if private else name
        if name in _OF_CLASSES and isinstance(self.me, type):
            self.values[name] = getattr(self.me, name)
            return
        held = inspect.getattr_static(self.me, real, _ABSENT)
        if held is _ABSENT or name.startswith(RESERVED):
            return
        allowed = self.granted is None or name in self.granted
        if _runs_when_read(held) and not allowed:
            if isinstance(held, property) and self._written(name, held.fget, "Computed"):
                return
            why = "is computed by your program, and the original code does not read it"
            self._leave(name, f"{why}. {WAYS}")
            return
        value = getattr(self.me, real) if _is_bound_late(held) else held
        if isinstance(value, Node) and allowed and named and not _why_not(name, value._data):
            # Of nodes that were only sent along, nobody knows whether the result depends on them.
            self.values[name], self.standins[name] = value._data, NODE
            self.nodes.append(value)
        elif not isinstance(value, Node) and callable(value):
            self._call(name, value, allowed=allowed)
        elif why := _why_not(name, value):
            self._leave(name, f"{why}. {WAYS}")
        else:
            self.values[name] = value

    def _call(self, name: str, value: Callable[..., Any], *, allowed: bool) -> None:
        called, like = self.own
        if isinstance(value, FunModule) and like in layers(value._original):
            # It calls itself: that stays inside.
            self.standins[name] = f"Method:{called}"
            return
        if not allowed:
            bound = isinstance(value, MethodType) and value.__self__ is self.me
            function = value.__func__ if isinstance(value, MethodType) and bound else value
            if not self._written(name, function, "Method" if bound else ""):
                self._leave(name, _NOT_CALLED.format(name=name))
            return
        self.host[name] = value
        standin = told_by(value)
        if standin is not None:
            self.standins[name] = standin

    def _written(self, name: str, function: Any, how: str) -> bool:
        """Whether a method can be run in the worker; what it reads of the object is looked at."""
        called, read = self.offer(name, function) or ("", ())
        if not called or (how and read is None):
            return False
        self.standins[name] = f"{how}:{called}"
        for attribute in (read or ()) if how else ():
            self.look(attribute, named=True)
        return True

    def _leave(self, name: str, why: str) -> None:
        self.left_out[name] = f"{self.kind.__name__}.{name} {why}"


def _why_not(name: str, value: Any) -> str:
    """Why no copy of an attribute can be had; nothing if it can."""
    if isinstance(value, Node):
        return "is a node, and the original code does not read it: pass it as an argument"
    if not is_plain(value):
        return f"is a {type(value).__name__}, which is no plain data: pass what is needed of it"
    if (strange := strange_in(value)) is not None:
        return f"holds {strange}, which is no plain data: pass what is needed of it"
    if is_guarded(name, value):
        return "looks like a secret, and secrets stay in your program"
    return ""


def _runs_when_read(held: Any) -> bool:
    """Whether reading it runs code that is not Python's own."""
    if isinstance(held, MemberDescriptorType | staticmethod | classmethod):
        return False
    return hasattr(type(held), "__get__") and not callable(held)


def _is_bound_late(held: Any) -> bool:
    return hasattr(type(held), "__get__")
