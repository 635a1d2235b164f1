"""Arguments of optimizers: what is unknown is refused, with the nearest known name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from opto.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["is_overridden", "refuse_unknown", "renamed"]

T = TypeVar("T")


def refuse_unknown(
    owner: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Raise for arguments that nobody takes.

    The original swallowed them, so that a misspelt one did nothing, silently (SPEC 11.C7).

    Args:
        owner: what was called, such as ``"step()"``.
        function: what takes them.
        args: positional arguments that were left over.
        kwargs: keyword arguments that were left over.

    Raises:
        ArgumentError: there are some.
    """
    code = function.__code__
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    if args:
        raise ArgumentError(
            f"{owner} takes no further positional argument, but got {args[0]!r}; "
            f"name it: it takes {', '.join(known)}"
        )
    if kwargs:
        raise ArgumentError.unknown(owner, kwargs, known)


def renamed(
    argument: str, defaults: Mapping[str, T], given: Mapping[str, T] | None
) -> dict[str, T]:
    """The defaults with some of them replaced.

    Args:
        argument: what the mapping is called, for the message.
        defaults: all names with their values.
        given: some names with others.

    Raises:
        ArgumentError: a name is not among the defaults.

    Example:
        >>> renamed("prompt_symbols", {"code": "#Code"}, {"code": "#Steps"})
        {'code': '#Steps'}
    """
    unknown = [name for name in given or () if name not in defaults]
    if unknown:
        raise ArgumentError.unknown(argument, unknown, defaults)
    return {**defaults, **(given or {})}


def is_overridden(instance: Any, base: type, method: str) -> bool:
    """Whether a subclass, or the instance itself, has a method of its own in place of `base`'s."""
    return method in vars(instance) or getattr(type(instance), method) is not getattr(base, method)
