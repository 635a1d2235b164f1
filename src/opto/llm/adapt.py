"""A model from whatever a user has at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opto.errors import ArgumentError
from opto.llm.port import LLM
from opto.llm.scripted import DummyLLM

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_llm"]


class Client(Protocol):
    """What is asked as AutoGen's and OpenAI's clients are."""

    def create(self, **config: Any) -> Any:
        """The answer to a request in the form of OpenAI's chat API."""


def as_llm(source: LLM | Callable[..., Any] | Client | str | None = None) -> LLM:
    """An `LLM` from what a user has at hand.

    Args:
        source: a model as it is; the name of one, or None, for what ``LLM(...)``
            chooses; or any callable (or client with ``.create``) in the original's
            convention, that returns a text, a `Reply` or OpenAI's response object.

    Raises:
        ArgumentError: `source` is none of these.

    Example:
        >>> from opto.llm import Request
        >>> shout = as_llm(lambda messages: messages[0]["content"].upper())
        >>> shout.answer(Request.of("hi", max_tokens=9)).text
        'HI'
    """
    if isinstance(source, LLM):
        return source
    if source is None or isinstance(source, str):
        return LLM(source)
    ask = source if callable(source) else getattr(source, "create", None)
    if ask is None:
        raise ArgumentError(
            f"llm must be an LLM, the name of a model, or a callable that takes messages=..., "
            f"not {type(source).__name__}"
        )
    return DummyLLM(ask)
