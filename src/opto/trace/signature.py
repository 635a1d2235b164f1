"""How a function takes its arguments, worked out once and not at every call."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
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


# The keys of a form of call; what comes after the positional arguments, as pairs of
# keyword and default (or `_GIVEN`); how many arguments are passed by position.
_Plan = tuple[tuple[str, ...], tuple[tuple[str, Any], ...], int]
_GIVEN: Any = object()
_MOST_PLANS = 64


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
    _plans: dict[tuple[Any, ...], _Plan] = field(default_factory=dict, compare=False, repr=False)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Bound:
        """Which argument goes to which parameter; defaults are filled in.

        Raises:
            TypeError: the arguments do not fit, in the words that Python uses.
        """
        form = len(args), *kwargs
        plan = self._plans.get(form)
        if plan is None:
            plan = self._planned(len(args), list(kwargs))
            # Calls of one function have few forms, but for what `*args` and `**kwargs` take.
            if len(args) <= len(self.names) and len(self._plans) < _MOST_PLANS:
                self._plans[form] = plan
        keys, rest, positional = plan
        if not rest:
            return Bound(keys, tuple(args), positional)
        filled = [kwargs[name] if default is _GIVEN else default for name, default in rest]
        return Bound(keys, (*args, *filled), positional)

    def _planned(self, given: int, left: list[str]) -> _Plan:
        names = self.names
        if given > len(names) and self.varargs is None:
            raise self._misfit(f"takes {len(names)} positional arguments but {given} were given")
        taken = [*names[:given], *(f"args_{i}" for i in range(given - len(names)))]
        by_position: list[tuple[str, Any]] = []
        by_keyword: list[tuple[str, Any]] = []
        missing = []
        open_names = (*names[given:], *self.keywords)
        for index, name in enumerate(open_names, start=min(given, len(names))):
            passable = index >= self.positional_only
            if passable and name in left:
                left.remove(name)
                by_keyword.append((name, _GIVEN))
            elif name in self.defaults:
                (by_keyword if passable else by_position).append((name, self.defaults[name]))
            else:
                missing.append(name)
        if missing:
            raise self._misfit(f"is missing the argument {', '.join(map(repr, missing))}")
        self._check_rest(left, taken)
        rest = [*by_position, *by_keyword, *((name, _GIVEN) for name in left)]
        keys = (*taken, *(name for name, _ in rest))
        return keys, tuple(rest), len(taken) + len(by_position)

    def base_of(self, key: str, value: Any) -> str:
        """What a node is called that is made of an argument: its parameter, or its type."""
        numbered = self.varargs is not None and key.startswith("args_")
        return type(value).__name__ if numbered else key

    def _check_rest(self, left: Sequence[str], taken: Sequence[str]) -> None:
        twice = set(taken) & set(left) & set(self.names[self.positional_only :])
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
