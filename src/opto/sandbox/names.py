"""What foreign code finds under the names that it does not define itself.

Modules are imported in the worker, and so is what installed packages define; plain data is
copied, but never what looks like a secret; functions and classes of the user's that need
nothing else are sent as source. All else that can be called stays here and is called from the
worker: what the user's own text of the function called, and what the policy grants.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from opto.errors import SandboxError, SourceError
from opto.sandbox.analysis import Facts, facts_of, free_of
from opto.sandbox.classes import text_of_class
from opto.sandbox.guard import is_guarded, is_guarded_source
from opto.sandbox.installed import is_installed, reference_to
from opto.sandbox.kinds import NODE, awaits, is_plain, standin_for, strange_in, told_by
from opto.sandbox.methods import as_function, changes
from opto.sandbox.task import Names
from opto.trace.define import layers
from opto.trace.nodes import Node
from opto.trace.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.sandbox.policy import Policy

__all__ = ["ABSENT", "Place", "names_of"]

ABSENT = object()
_OWN = "a module of your program, which is not installed"

WAYS = (
    "Three ways out: pass what is needed as plain data; grant a function of your program by "
    "bundle(sandbox=sandbox.Policy(host={...})); or run the code in your program by "
    'sandbox="none", if you trust it'
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user's function stands: what names mean there, at this moment.

    Attributes:
        function: the plain function, or None.
        scope: what names mean that neither its closure nor its globals have.
    """

    function: FunctionType | None
    scope: Mapping[str, Any]

    @classmethod
    def of(cls, like: Any, scope: Mapping[str, Any] | None = None) -> Place:
        """The place of `like`, or of the function that it wraps."""
        plain = [layer for layer in layers(like) if isinstance(layer, FunctionType)]
        return cls(plain[-1] if plain else None, scope or {})

    @property
    def flags(self) -> int:
        """The features of ``__future__`` that are on there."""
        return 0 if self.function is None else self.function.__code__.co_flags

    def find(self, name: str) -> Any:
        """What `name` means there; `ABSENT` if nothing."""
        function = self.function
        if function is not None:
            code: CodeType = function.__code__
            if name in code.co_freevars:
                cell = (function.__closure__ or ())[code.co_freevars.index(name)]
                try:
                    return cell.cell_contents
                except ValueError:
                    return ABSENT
            if name in function.__globals__:
                return function.__globals__[name]
        return self.scope.get(name, ABSENT)


def names_of(
    text: str,
    name: str,
    like: Callable[..., Any] | None = None,
    scope: Mapping[str, Any] | None = None,
    *,
    policy: Policy,
    original: str | None = None,
    see: Callable[[Callable[[str, Any], Any]], None] | None = None,
) -> tuple[Names, dict[str, str], list[Node[Any]]]:
    """What the code finds under the names that it uses and does not define.

    Args:
        text: the code.
        name: the function wanted from it.
        like: the function whose place it takes.
        scope: further names, for what neither the closure nor the globals of `like` have.
        policy: what it may do; grants functions of the host.
        original: the user's own text of the function: what that calls may be called.
        see: looks at the object whose method it is; is given what offers methods of it.

    Returns:
        The names; which of them get, or return, stand-ins, of which kind; and the nodes whose
        values are among them.

    Raises:
        SandboxError: a name means something that cannot go there; the message says what to do.
    """
    facts = facts_of(text, name)
    offers = _Offers(Place.of(like, scope), policy, _free_in(original, name), facts)
    for free in facts.free:
        offers.add(free)
    for module in sorted(facts.imports):
        offers.imported(module)
    if see is not None:
        see(offers.method)
    return offers.names(), offers.standins, offers.nodes


def _free_in(original: str | None, name: str) -> frozenset[str]:
    return frozenset() if original is None else frozenset(facts_of(original, name).free)


class _Offers:
    """The names that were gone through so far, each by what is done about it."""

    def __init__(self, place: Place, policy: Policy, granted: frozenset[str], facts: Facts) -> None:
        self.place, self.policy, self.granted, self.facts = place, policy, granted, facts
        self.standins: dict[str, str] = {}
        self.nodes: list[Node[Any]] = []
        self._known: dict[str, Any] = {}
        self._modules: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._sources: dict[str, str] = {}
        self._host: dict[str, Callable[..., Any]] = {}
        self._refused: dict[str, str] = {}
        # What helpers would have needed.
        self._lacking: dict[str, str] = {}

    def names(self) -> Names:
        """All that was found.

        Raises:
            SandboxError: something was refused.
        """
        if self._refused:
            raise SandboxError(f"the code uses {'; and '.join(self._refused.values())}. {WAYS}")
        return Names(self._modules, self._values, self._sources, self._host)

    def add(self, name: str) -> None:
        """Find out what the code itself means by `name`."""
        if name in self.policy.host:
            self._call(name, self.policy.host[name])
            return
        if name in {"super", "__class__"}:
            self._refused.setdefault("super", "super(), but the class stays in your program")
            return
        if name.startswith("__") and name.endswith("__"):
            return  # a worker's modules have their own
        value = self.place.find(name)
        # A name that nothing has is the code's own mistake, which Python will tell it.
        if value is not ABSENT:
            self._offer(name, value, allowed=name in self.granted)

    def imported(self, name: str) -> None:
        """See whether a worker can import what the code imports itself."""
        module = sys.modules.get(name)
        # What is not there at all is told by Python.
        if module is not None and not is_installed(module):
            self._refused[f"import {name}"] = f"`import {name}`, {_OWN}"

    def _offer(self, name: str, value: Any, *, allowed: bool) -> None:
        self._known[name] = value
        if isinstance(value, ModuleType):
            self._module(name, value)
        elif isinstance(value, Node):
            self._node(name, value, allowed=allowed)
        elif is_plain(value):
            self._copy(name, value)
        elif not standin_for(value) and (path := reference_to(value, name)) is not None:
            self._modules[name] = path
        elif not self._write_out(name, value):
            if not callable(value):
                self._refused[name] = f"{name}, a {type(value).__name__}, which is no plain data"
            elif allowed:
                self._call(name, value)
            else:
                of_class = isinstance(value, type)
                called = f"{name}, a class that stays" if of_class else f"{name}(), which runs"
                self._refused[name] = (
                    f"{called} in your program: your own code of the function does not call it, "
                    f"and nobody has granted it"
                )

    def _module(self, name: str, module: ModuleType) -> None:
        if is_installed(module):
            self._modules[name] = module.__name__
        else:
            self._refused[name] = f"{name}, {_OWN}: import what is used of it by name"

    def _node(self, name: str, node: Node[Any], *, allowed: bool) -> None:
        """Offer a node's value, if the user's own text looks at it as well."""
        if not allowed:
            self._refused[name] = (
                f"{name}, a node, at which your own code of the function does not look: pass it"
            )
        elif not is_plain(node._data):
            kind = type(node._data).__name__
            self._refused[name] = f"{name}, a node of a {kind}, which is no plain data"
        else:
            self._copy(name, node._data)
            self.standins[name] = NODE
            self.nodes.append(node)

    def _copy(self, name: str, value: Any) -> None:
        if is_guarded(name, value):
            self._refused[name] = f"{name}, which looks like a secret: secrets stay in your program"
        elif (strange := strange_in(value)) is not None:
            self._refused[name] = f"{name}, which holds {strange}, which is no plain data"
        else:
            self._values[name] = value

    def _call(self, name: str, function: Callable[..., Any]) -> None:
        if awaits(function) and self.facts.kind not in {"coroutine", "async generator"}:
            self._refused[name] = f"{name}(), which must be awaited, and the code does not await"
            return
        self._host[name] = function
        standin = told_by(function)
        if standin is not None:
            self.standins[name] = standin

    def _write_out(self, name: str, value: Any) -> bool:
        """Offer a function or class by its source, if what it needs can be offered as well."""
        read = _source_of(value)
        if read is None:
            return False
        return self._written(name, value, *read)

    def method(self, name: str, value: Any) -> tuple[str, tuple[str, ...] | None] | None:
        """Offer a method by its source, as a function under a name that no code has.

        Returns:
            The name, and what it reads of its first argument (None where that may be all); None
            if it cannot be offered.
        """
        called = f"_opto_method_{name}"
        text = as_function(value, called)
        if text is None:
            return None
        if not self._written(called, value, text, called):
            return None
        return called, facts_of(text, called).attributes

    def _written(self, name: str, value: Any, text: str, own_name: str) -> bool:
        place = self._place_of(value)
        if place is None or self._clashes(place, text, own_name, value):
            return False
        if is_guarded_source(text):
            return False
        if isinstance(value, FunctionType) and changes(text, free_of(text)):
            return False
        here, before = self.place, dict(self._refused)
        self.place, self._refused = place, {}
        try:
            for free in free_of(text):
                if free in self._lacking:
                    self._refused[free] = self._lacking[free]
                elif free not in self._known and free != own_name:
                    inner = place.find(free)
                    if inner is not ABSENT:
                        # What the user's helper calls, the code was not meant to call itself.
                        self._offer(free, inner, allowed=False)
        finally:
            needed, self._refused, self.place = self._refused, before, here
        if needed:
            self._lacking.update(needed)
            return False
        self._sources[name] = text if name == own_name else f"{text}\n{name} = {own_name}"
        return True

    def _place_of(self, value: Any) -> Place | None:
        if isinstance(value, FunctionType):
            return None if value.__closure__ else Place.of(value)
        module = inspect.getmodule(value)
        return None if module is None else Place(None, vars(module))

    def _clashes(self, place: Place, text: str, own_name: str, value: Any) -> bool:
        """Whether a name that the text uses means something else to the code around it."""
        for free in (*free_of(text), own_name):
            if free in self.facts.own:
                return True
            inner = value if free == own_name else place.find(free)
            here = self._known.get(free, self.place.find(free))
            if inner is not here and not (inner is ABSENT or here is ABSENT):
                return True
        return False


def _source_of(value: Any) -> tuple[str, str] | None:
    """The text of a function or class of the user's, and the name that it defines."""
    if not isinstance(value, FunctionType | type) or hasattr(value, "__wrapped__"):
        return None
    # This library works with the host's objects.
    return None if f"{value.__module__}.".startswith("opto.") else _read(value)


@lru_cache(maxsize=64)
def _read(value: Any) -> tuple[str, str] | None:
    try:
        if isinstance(value, type):
            return text_of_class(value), value.__name__
        source = source_of(value)
    except (SourceError, OSError, TypeError):
        return None
    return source.text, source.name
