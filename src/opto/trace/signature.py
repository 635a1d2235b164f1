"""How a function takes its arguments, worked out once and not at every call."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Bound", "Shape", "shape_of"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Bound(NamedTuple):
    """The arguments of one call, each under the name that it has in the record.

    Attributes:
        keys: parameter names; ``args_0``, ``args_1`` for what ``*name`` took.
        values: the arguments, in the order of `keys`.
        positional: how many of them are passed by position; the rest by keyword.
    """

    keys: tuple[str, ...]
    values: tuple[Any, ...]
    positional: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The parameters of one function.

    Attributes:
        name: the function, for messages.
        names: the positional parameters, in order.
        defaults: parameter name to default value, for those that have one.
        positional_only: how many of `names` cannot be passed by keyword.
        keywords: the keyword-only parameters, in order.
        varargs: the name of ``*args``, or None.
        varkw: whether there is a ``**kwargs``.
        plain: the number of parameters if a call that gives exactly so many positional
            arguments needs no thinking at all, -1 otherwise.
        text: the signature as written.
    """

    name: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    positional_only: int
    keywords: tuple[str, ...]
    varargs: str | None
    varkw: bool
    plain: int
    text: str

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Bound:
        """Which argument goes to which parameter; defaults are filled in.

        Raises:
            TypeError: the arguments do not fit, in the words that Python uses.
        """
        names, given = self.names, len(args)
        if given > len(names) and self.varargs is None:
            raise self._misfit(f"takes {len(names)} positional arguments but {given} were given")
        by_position: list[tuple[str, Any]] = list(zip(names, args))  # noqa: B905 - either is longer
        by_keyword: list[tuple[str, Any]] = []
        left = dict(kwargs)
        missing = []
        for index in range(given, len(names)):
            name = names[index]
            passable = index >= self.positional_only
            if passable and name in left:
                by_keyword.append((name, left.pop(name)))
            elif name in self.defaults:
                (by_keyword if passable else by_position).append((name, self.defaults[name]))
            else:
                missing.append(name)
        if self.varargs is not None:
            extra = args[len(names) :]
            by_position += [(f"args_{i}", value) for i, value in enumerate(extra)]
        for name in self.keywords:
            if name in left:
                by_keyword.append((name, left.pop(name)))
            elif name in self.defaults:
                by_keyword.append((name, self.defaults[name]))
            else:
                missing.append(name)
        if missing:
            raise self._misfit(f"is missing the argument {', '.join(map(repr, missing))}")
        self._check_rest(left, by_position)
        by_keyword += left.items()
        both = by_position + by_keyword
        # From lists: a tuple that grew from a generator is kept by Python's free list.
        keys, values = [k for k, _ in both], [v for _, v in both]
        return Bound(tuple(keys), tuple(values), len(by_position))

    def base_of(self, key: str, value: Any) -> str:
        """What a node is called that is made of an argument: its parameter, or its type."""
        numbered = self.varargs is not None and key.startswith("args_")
        return type(value).__name__ if numbered else key

    def _check_rest(self, left: Mapping[str, Any], taken: Sequence[tuple[str, Any]]) -> None:
        twice = {name for name, _ in taken} & set(left) & set(self.names[self.positional_only :])
        if twice:
            raise self._misfit(f"got several values for the argument {min(twice)!r}")
        if left and not self.varkw:
            raise self._misfit(f"got an unexpected keyword argument {min(left)!r}")

    def _misfit(self, what: str) -> TypeError:
        return TypeError(f"{self.name}() {what}; its signature is {self.name}{self.text}")


def shape_of(function: Callable[..., Any], name: str) -> Shape:
    """The shape of `function`.

    Args:
        function: any callable. Builtins without a readable signature take anything.
        name: what to call it in messages.

    Example:
        >>> shape_of(lambda a, *b, c=1: a, "f").bind((1, 2, 3), {})
        Bound(keys=('a', 'args_0', 'args_1', 'c'), values=(1, 2, 3, 1), positional=3)
    """
    try:
        signature = inspect.signature(function)
    except ValueError:
        return Shape(name, (), {}, 0, (), "args", varkw=True, plain=-1, text="(*args, **kwargs)")
    parameters = list(signature.parameters.values())
    names = tuple(p.name for p in parameters if p.kind in _POSITIONAL)
    varargs = [p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL]
    return Shape(
        name=name,
        names=names,
        defaults={p.name: p.default for p in parameters if p.default is not p.empty},
        positional_only=sum(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in parameters),
        keywords=tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY),
        varargs=varargs[0] if varargs else None,
        varkw=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
        plain=len(names) if len(names) == len(parameters) else -1,
        text=str(signature),
    )
