"""What optimizers write is known as theirs: each step runs where the tracer knows of it.

It holds for custom optimizers too, whatever their `step` does and however it sets a value.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from opto.trace.written import steps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEPS", "as_step", "mark_steps"]

F = TypeVar("F", bound="Callable[..., Any]")

# The methods that change parameters.
STEPS = ("step", "step_async", "update")


def as_step(method: F) -> F:
    """`method`, with what it changes in ``self.parameters`` known as an optimizer's work.

    Args:
        method: of an optimizer; a coroutine function or not.
    """
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            with steps(_parameters(self)):
                return await method(self, *args, **kwargs)

        return awaited  # type: ignore[return-value] # it has the face of `method`

    @functools.wraps(method)
    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with steps(_parameters(self)):
            return method(self, *args, **kwargs)

    return marked  # type: ignore[return-value] # as above


def mark_steps(cls: type) -> None:
    """Do so with all methods of a class that change parameters and are its own."""
    for name in STEPS:
        method = vars(cls).get(name)
        if inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False):
            setattr(cls, name, as_step(method))


def _parameters(optimizer: Any) -> list[Any]:
    # A subclass may not have called the `__init__` that sets them.
    return list(getattr(optimizer, "parameters", ()))
