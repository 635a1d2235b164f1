"""A bundled function as a method: each instance has its own form of it.

The form has the instance's node as its first argument, and, where the function is
trainable, code of its own; so that two agents of one class learn apart.
"""

from __future__ import annotations

import copy
import inspect
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.errors import BundleError
from opto.trace.nodes import Node, given

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.trace.calls import Callee
    from opto.trace.nodes import ParameterNode

__all__ = ["Binding"]

# Under these names an instance keeps its own form of each bundled method, and its node.
_BOUND = "__TRACE_RESERVED_bundle_"
_SELF = "__TRACE_RESERVED_self_node"


class Binding:
    """What makes a bundled function a descriptor, a copy and a pickle."""

    parameter: Any
    name: Any
    __qualname__: str
    _attribute: str
    _key: str
    _callee: Callee
    _info_of: Any
    _kind: str
    _owner: type | None
    _original: Callable[..., Any]
    _self_node: Node[Any] | None
    _enter: Callable[[], None]

    def __set_name__(self, owner: type | None, name: str) -> None:
        self._attribute = name
        self._key = _BOUND + name
        self._owner = owner

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        try:
            found = obj.__dict__[self._key]
        except (AttributeError, KeyError):
            return self._form_of(obj, owner)
        # Not so for an overridden method that is asked for through super().
        return found if found._original is self._original else self._form_of(obj, owner)

    def _form_of(self, obj: Any, owner: type | None) -> Any:
        """The form of this function that `obj` keeps, made when it is first asked for."""
        if self._kind == "class":
            return self._bound(owner if obj is None else type(obj), self.parameter)
        if obj is None or self._kind == "static":
            return self
        if isinstance(obj, type):
            return self._bound(obj, self.parameter)
        kept = getattr(obj, "__dict__", None)
        if kept is None:
            if self.parameter is not None:
                raise BundleError(
                    f"{type(obj).__name__} has __slots__ and no __dict__, so an instance cannot "
                    f"keep the code of its own {self._attribute}; add '__dict__' to the slots"
                )
            return self._bound(obj, None)
        key = self._key
        found: Any | None = kept.get(key)
        if found is not None and found._original is not self._original:
            key = f"{key}@{getattr(self._original, '__qualname__', id(self))}"
            found = kept.get(key)
        if found is None:
            # `setdefault` is atomic: two threads get the same node and the same code.
            me = kept.get(_SELF) or kept.setdefault(_SELF, given(obj, "self"))
            code = None if self.parameter is None else copy.deepcopy(self.parameter)
            found = kept.setdefault(key, self._bound(me, code))
        return found

    def _bound(self, obj: Any, code: ParameterNode[str] | None) -> Any:
        """This function with its first argument filled in, and code of its own."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._self_node = obj if isinstance(obj, Node) else given(obj, "self")
        new._use(code)
        return new

    def _use(self, code: ParameterNode[str] | None) -> None:
        self.parameter = code
        op = replace(self._callee.op, info_of=self._info_of)
        self._callee = replace(self._callee, op=op, code=code, me=self._self_node)
        self._enter()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = object.__new__(type(self))
        memo[id(self)] = new
        # The function and its scope are code, which copies share.
        new.__dict__.update(self.__dict__)
        new._self_node = copy.deepcopy(self._self_node, memo)
        new._use(copy.deepcopy(self.parameter, memo))
        return new

    def detach(self) -> Any:
        """A copy with a code parameter of its own."""
        return copy.deepcopy(self)

    def __reduce__(self) -> Any:
        if self._self_node is not None:
            return _rebound, (self._function(), self._self_node, self.parameter)
        if self._importable():
            return self.__qualname__
        raise BundleError(
            f"{self.name} cannot be pickled, because it cannot be imported from "
            f"{self.__module__} by its name; define it at the top of a module"
        )

    def _function(self) -> Any:
        """The unbound function that this is the bound form of."""
        owner: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            owner = inspect.getattr_static(owner, part)
        # In a class, it may stand in the decorators that make it static or a class method.
        found: Any = owner.__func__ if isinstance(owner, (staticmethod, classmethod)) else owner
        return found

    def _importable(self) -> bool:
        try:
            return self._function() is self
        except AttributeError:
            return False


def _rebound(function: Any, obj: Any, code: ParameterNode[str] | None) -> Any:
    return function._bound(obj, code)
