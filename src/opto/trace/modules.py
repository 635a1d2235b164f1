"""Modules: classes with parameters that run, are saved, and are written back to Python.

`Module` is derived from; `model` makes a module of any class.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from opto._plugs import plug
from opto.errors import BundleError, StoreError, nearest
from opto.trace.containers import RESERVED, ParameterContainer, members, operation
from opto.trace.nodes import Node, ParameterNode
from opto.trace.registry import SERIALS
from opto.trace.within import NO_NODE, Call
from opto.trace.written import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

__all__ = ["SANDBOX", "Model", "Module", "model"]

C = TypeVar("C", bound=type)

# Under this name an instance keeps what was said of all its methods.
SANDBOX = f"{RESERVED}sandbox"

# Containers in which results of a module are looked for: not in data of any size.
_PLAIN = (tuple, list, dict)
_FEW = 64

# What makes the subclass look like the class: to readers, to pickle, and to `inspect`.
_FACE = ("__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__")


class Module(ParameterContainer):
    """Something with parameters that is called, saved, loaded and exported.

    Example:
        >>> from opto.trace.nodes import node
        >>> class Shift(Module):
        ...     def __init__(self):
        ...         self.by = node(1, trainable=True)
        ...     def forward(self, x):
        ...         return x + self.by
        >>> Shift()(2).data
        3
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module does; a subclass writes it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward; calling a module runs its forward(...)"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What `forward` returns."""
        opened = next(SERIALS)
        out = self.forward(*args, **kwargs)
        # Most calls return a node, and those that return none are not slowed down by more.
        found = (out,) if isinstance(out, Node) else _results(out)
        if found:
            _remember(found, type(self), opened, args, kwargs)
        return out

    def save(self, file_name: str | PathLike[str]) -> None:
        """Write the parameters to a JSON file, whole or not at all.

        Args:
            file_name: where to; missing directories are made.

        Raises:
            StoreError: a value has no exact JSON form; the message names the parameter.
        """
        plug("trace.save")(self, file_name)

    def load(self, file_name: str | PathLike[str], allow_pickle: bool = False) -> None:
        """Set the parameters to what a file holds, all of them or none.

        Args:
            file_name: a file that `save` wrote.
            allow_pickle: read a pickle file that the original trace-opt wrote in this
                process. Without it such a file is read in the sandbox. A narrow reader
                knows plain values and parameters only, but a pickle is still a program: do
                this for files of your own whose values are no plain data, once, then `save`.

        Raises:
            StoreError: the file is damaged, lacks a parameter, or holds one too many; the
                message lists them.
            OSError: the file cannot be opened.
        """
        plug("trace.load")(self, file_name, allow_pickle=allow_pickle)

    def set_sandbox(self, policy: Any) -> None:
        """Say how foreign code is held in all trainable functions in and below this module.

        That is code which an optimizer wrote, or which was loaded from a file. A function
        that was bundled with a ``sandbox=`` of its own keeps it.

        Args:
            policy: ``"none"``, ``"process"``, ``"isolated"``, ``"auto"`` or an
                `opto.sandbox.Policy`; None takes back what was said.

        Raises:
            SandboxError: it is something else.
        """
        held = None if policy is None else plug("sandbox.checked")(policy)
        opened: set[int] = set()
        todo: list[Any] = [self]
        while todo:
            thing = todo.pop()
            if id(thing) in opened:
                continue
            opened.add(id(thing))
            if operation(thing):
                thing._hold(held)
            elif isinstance(thing, ParameterContainer):
                inside = vars(thing)
                todo += [inside[name] for name in inside if not name.startswith(RESERVED)]
                inside[SANDBOX] = _Said(held)
            elif type(thing) in {list, dict}:
                # What `Seq` and `Map` keep their items in.
                todo += thing.values() if type(thing) is dict else thing

    def export(
        self,
        file_name: str | PathLike[str],
        projections: Iterable[Callable[[str], str]] | None = None,
    ) -> None:
        """Write what was learned as a plain Python file that needs no part of this library.

        Args:
            file_name: where to; missing directories are made.
            projections: applied to the text of the file in turn, for example
                ``[BlackCodeFormatter()]``.

        Raises:
            StoreError: something has no plain form; the message says what and where.
        """
        plug("trace.export")(self, file_name, projections=projections)

    def _set(self, new_parameters: Mapping[str, Any] | ParameterContainer) -> None:
        """Take over values by attribute name, all of them or none.

        Names, descriptions and trainability stay as they are; only values change. A name
        that stands for nothing yet becomes a new attribute.

        Args:
            new_parameters: parameters or plain values by name; for a container within,
                a dictionary or container again.

        Raises:
            StoreError: a parameter of this module is missing in them, or a name stands for
                something that is not a parameter.
        """
        values: list[tuple[ParameterNode[Any], Any, bool]] = []
        fresh: list[tuple[ParameterContainer, str, Any]] = []
        _plan(self, new_parameters, type(self).__name__, values, fresh)
        for parameter, value, foreign in values:
            parameter._set(value)
            if foreign:
                mark(parameter)
        for owner, name, value in fresh:
            setattr(owner, name, value)


def _results(out: Any) -> Iterable[Any]:
    """The nodes that plain containers hold which modules return."""
    kind = type(out)
    if kind not in _PLAIN or len(out) > _FEW:
        return ()
    return [n for n in (out.values() if kind is dict else out) if isinstance(n, Node)]


def _remember(
    results: Iterable[Any], kind: type, opened: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Let results that were made in a call of a module know of it."""
    call = None
    for result in results:
        # What was there before the call is not what the call made.
        if result._serial > opened and result._args:
            if call is None:
                call = Call(
                    kind,
                    opened,
                    tuple([a._serial if isinstance(a, Node) else NO_NODE for a in args]),
                    tuple([(k, a._serial) for k, a in kwargs.items() if isinstance(a, Node)]),
                )
            more = result._more()
            more.calls = (*more.calls, call)


class _Said:
    """What was said of a module, which its copies share."""

    def __init__(self, policy: Any) -> None:
        self.policy: Any = policy

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


def _plan(
    target: ParameterContainer,
    given: Mapping[Any, Any] | ParameterContainer,
    where: str,
    values: list[tuple[ParameterNode[Any], Any, bool]],
    fresh: list[tuple[ParameterContainer, str, Any]],
) -> None:
    """Sort `given` into values of parameters that `target` has, and attributes it lacks."""
    source = given.parameters_dict() if isinstance(given, ParameterContainer) else dict(given)
    present = target.parameters_dict()
    if missing := [name for name in present if name not in source]:
        unknown = [str(name) for name in source if name not in present]
        words = ", ".join(f"{n!r}{nearest(str(n), unknown)}" for n in missing)
        raise StoreError(f"{where} also has the parameter {words}; give a value for each")
    for name, value in source.items():
        own = present.get(name)
        if isinstance(own, ParameterNode):
            foreign = isinstance(value, ParameterNode) and value.foreign
            values.append((own, value._data if isinstance(value, Node) else value, foreign))
        elif own is None:
            _refuse_taken(target, name, where)
            fresh.append((target, name, value))
        elif own is not value and isinstance(value, Mapping | ParameterContainer):
            _plan(own, value, f"{where}.{name}", values, fresh)
        elif own is not value:
            raise StoreError(
                f"{where}.{name} is a {type(own).__name__} with parameters of its own; give a "
                f"dictionary or a container for it, not {value!r}"
            )


def _refuse_taken(target: ParameterContainer, name: object, where: str) -> None:
    if not (isinstance(name, str) and name.isidentifier()) or name in members(target):
        raise StoreError(
            f"{where} has no parameter {name!r}, and an attribute of that name cannot be made"
            f"{nearest(str(name), map(str, target.parameters_dict()))}"
        )


class Model(Module):
    """What `model` makes of a class: the class itself, and a `Module`."""


def model(cls: C) -> C:
    """Make a class a module: its parameters are found, saved, copied and exported.

    The class keeps its name, its words and its ``__init__``, which need not know of this.

    Args:
        cls: any class.

    Returns:
        A subclass of it and of `Model` that goes under its name.

    Raises:
        BundleError: it is not a class.

    Example:
        >>> from opto.trace.nodes import node
        >>> @model
        ... class Greeter:
        ...     def __init__(self, words):
        ...         self.words = node(words, trainable=True)
        ...     def forward(self, who):
        ...         return self.words + who
        >>> greeter = Greeter("Hello ")
        >>> greeter("you").data, [p.data for p in greeter.parameters()]
        ('Hello you', ['Hello '])
    """
    if not isinstance(cls, type):
        raise BundleError(
            f"@model stands on a class, not on {cls!r}; write it without parentheses: @model"
        )
    if issubclass(cls, Model):
        return cls

    def fill(namespace: dict[str, Any]) -> None:
        own = vars(cls)
        namespace.update({name: own[name] for name in _FACE if name in own})

    return types.new_class(cls.__name__, (cls, Model), {}, fill)  # type: ignore[return-value]
