"""A model behind a factory: the original's way to write a backend of one's own."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from opto.llm.port import LLM
from opto.llm.renewed import Renewed
from opto.llm.types import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AbstractModel"]


class AbstractModel(LLM):
    """A model that a factory makes, and makes again when `reset_freq` seconds have passed.

    Subclasses may override `model`; it is called with the arguments that this
    object is called with.

    Args:
        factory: takes nothing and returns the callable that answers.
        reset_freq: seconds after which the factory is asked again; None for never.

    Example:
        >>> model = AbstractModel(lambda: lambda messages, **rest: "yes")
        >>> model(messages="really?").choices[0].message.content
        'yes'

    Source: SPEC 8.1.
    """

    def __init__(self, factory: Callable[[], Any], reset_freq: float | None = None) -> None:
        self.factory = factory
        self.reset_freq = reset_freq
        self._renewed = Renewed(factory, reset_freq)

    @property
    def _model(self) -> Any:
        return self._renewed.get()

    @property
    def model(self) -> Callable[..., Any]:
        """The callable that answers now."""
        made: Callable[..., Any] = self._model
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Reply:
        """Ask with whatever arguments the model itself takes; they are passed on as they are."""
        return Reply.read(self.model(*args, **kwargs))

    def answer(self, request: Request) -> Reply:
        """Ask with the arguments of a chat API, as far as the model takes them by name."""
        model = self.model
        positional, named = _fitting(model, request.arguments())
        return Reply.read(model(*positional, **named), request.digest)


def _fitting(
    model: Callable[..., Any], arguments: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """`arguments` as `model` can take them: the messages first where it names them otherwise."""
    try:
        shape = signature(model)
    except (TypeError, ValueError):  # some builtins do not tell
        return (), arguments
    if not any(p.kind is p.VAR_KEYWORD for p in shape.parameters.values()):
        arguments = {k: v for k, v in arguments.items() if k in {"messages", *shape.parameters}}
    try:
        shape.bind(**arguments)
    except TypeError:
        return (arguments.pop("messages"),), arguments
    return (), arguments
