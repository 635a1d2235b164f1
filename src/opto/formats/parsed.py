"""What was read in an answer, and how a format is asked for and read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.formats.field import Field

__all__ = ["Format", "Parsed"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer as far as it could be read.

    Args:
        reasoning: the thoughts that the model wrote down.
        answer: its answer to a question, where one was asked.
        values: what it gave, by field name, in JSON's types.
        repairs: each liberty that reading took with the text, in words.
        failure: why nothing could be read, for the model to read; None if something was.
        refused: by field name, why a value in the text was not taken.
        unknown: values whose keys name no field.
        stop: whether the model said that nothing is left to change.
    """

    reasoning: str = ""
    answer: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    failure: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)
    stop: bool = False


class Format(Protocol):
    """A form in which a model is asked to answer."""

    @property
    def words(self) -> Mapping[str, str]:
        """Its keys or tags, for prompts that speak of them."""

    def shape(self, fields: Sequence[Field]) -> str:
        """The form of the answer, drawn for the model; the words round it are a prompt's."""

    def write(self, values: Mapping[str, Any], reasoning: str = "") -> str:
        """An answer that gives these values."""

    def response_format(self, fields: Sequence[Field]) -> Mapping[str, Any] | None:
        """The form as the parameter ``response_format`` of OpenAI's API, with a JSON schema.

        None where no schema can hold a model to it.
        """

    def parse(self, text: str | None, fields: Sequence[Field]) -> Parsed:
        """Read an answer. Never raises on what a model wrote."""

    def matched(self, suggestion: Any, fields: Sequence[Field]) -> Parsed:
        """What a suggestion that was read already, by name, says about the fields."""
