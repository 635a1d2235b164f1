"""A model behind a factory: the original's way to write a backend of one's own."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.llm.around import asked
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
        given = _as_request(args, kwargs)

        def ask(request: Request) -> Reply:
            # Another request is one that a secret was taken out of.
            if request is not given:
                return self.answer(request)
            return Reply.read(self.model(*args, **kwargs))

        return asked(self, given, ask)

    def answer(self, request: Request) -> Reply:
        """Ask with the arguments of a chat API, as far as the model takes them by name."""
        model = self.model
        positional, named = _fitting(model, request.arguments())
        return Reply.read(model(*positional, **named), request.digest)


def _as_request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
    """What is asked, as far as arguments that only the model itself knows tell it."""
    named, others = dict(kwargs), list(args)
    messages = named.pop("messages") if "messages" in named else others.pop(0) if others else ()
    if others:
        named["arguments"] = others
    try:
        return Request.of(messages, **named)
    except (ArgumentError, TypeError):  # it is no conversation
        return Request((), extra={"arguments": [messages, *others], **named})


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
