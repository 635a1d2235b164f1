"""A model around a model: what all of these have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.llm.port import LLM

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Layer"]


class Layer(LLM):
    """A model around a model. What users look at is the source's: its name, what it can.

    Args:
        source: the model, or another layer.

    Example:
        >>> from opto.llm import OpenAILLM, Reply
        >>> class Loud(Layer):
        ...     def answer(self, request):
        ...         return Reply(self.source.answer(request).text.upper())
        >>> model = Loud(OpenAILLM("tiny", base_url="http://127.0.0.1:8080/v1"))
        >>> model, model.model_name
        (Loud(OpenAILLM('tiny', base_url='http://127.0.0.1:8080/v1')), 'tiny')
    """

    def __init__(self, source: LLM) -> None:
        self.source = source

    @property
    def enforces_schema(self) -> bool:
        """Whether the source can hold an answer to a JSON schema."""
        return self.source.enforces_schema

    @property
    def model_name(self) -> str:
        """The name of the model behind all layers.

        Raises:
            AttributeError: it has none.
        """
        source: Any = self.source
        name: str = source.model_name
        return name

    def _beside(self) -> Iterator[object]:
        """What stands beside the source in the repr."""
        return iter(())

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, (self.source, *self._beside())))
        return f"{type(self).__name__}({shown})"
