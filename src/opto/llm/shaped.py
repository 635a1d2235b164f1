"""A layer that asks for JSON in whatever way its source can be asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, ModelRefused
from opto.llm.layer import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opto.llm.port import LLM
    from opto.llm.types import Reply, Request

__all__ = ["Shaped"]

JSON_OBJECT = {"type": "json_object"}
# A refusal that has one of these in it is about the form, and not about the question.
ABOUT_FORM = ("response_format", "json_schema", "json_object", "schema", "grammar")
WORDS = "Answer with JSON alone: no word before or after it, and no fence around it."
BY_SCHEMA = "It has to be valid by this JSON schema:"


class Shaped(Layer):
    """A model that can be asked for an answer by a JSON schema, whether it enforces one or not.

    A ``response_format`` with a schema, or a class of pydantic in its place, goes

    * to a source that enforces schemas as it is;
    * to another as words in the prompt, and ``{"type": "json_object"}`` beside them;
    * and where the provider refuses the form, the question is asked once more, with the
      words alone. That is remembered, for this kind of form and this model.

    What comes back is the model's own text: only a source that enforces schemas is sure to
    keep to them. Without a ``response_format``, nothing is changed.

    Args:
        source: the model, or another layer.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> source = ScriptedLLM(['{"city": "Bern"}'])
        >>> schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        >>> form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
        >>> Shaped(source)("What is the capital of Switzerland?", response_format=form).text
        '{"city": "Bern"}'
        >>> source.requests[0].response_format
        {'type': 'json_object'}
    """

    def __init__(self, source: LLM) -> None:
        super().__init__(source)
        self._refused: set[tuple[str | None, str]] = set()

    def answer(self, request: Request) -> Reply:
        """Answer one request, in the form that it asks for.

        Raises:
            ArgumentError: ``response_format`` is no form.
            ModelError: the source did not answer.
        """
        if request.response_format is None:
            return self.source.answer(request)
        form = _Form.of(request.response_format)
        asked = self._asked(request, form)
        try:
            reply = self.source.answer(asked)
        except ModelRefused as refusal:
            if asked.response_format is None or not _is_about_form(refusal):
                raise
            self._refused.add((request.model, asked.response_format["type"]))
            reply = self.source.answer(form.in_words(request))
        return replace(reply, request=request.digest)

    def _asked(self, request: Request, form: _Form) -> Request:
        """The question in the strongest form that is not known to be refused."""
        if form.schema is None or self.source.enforces_schema:
            asked = replace(request, response_format=form.said)
        else:
            asked = replace(form.in_words(request), response_format=JSON_OBJECT)
        known = (request.model, asked.response_format["type"]) in self._refused
        return form.in_words(request) if known else asked


@dataclass(frozen=True, slots=True)
class _Form:
    """The form that is wanted of an answer.

    Args:
        said: as the argument ``response_format`` of OpenAI's API.
        schema: the JSON schema; None where any JSON will do.
    """

    said: Mapping[str, Any]
    schema: Mapping[str, Any] | None

    @classmethod
    def of(cls, wanted: Any) -> _Form:
        if hasattr(wanted, "model_json_schema"):  # a class of pydantic
            schema = _closed(wanted.model_json_schema())
            named = {"name": wanted.__name__, "schema": schema, "strict": True}
            return cls({"type": "json_schema", "json_schema": named}, schema)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("type"), str):
            raise ArgumentError(
                f"response_format must be a mapping such as {{'type': 'json_schema', "
                f"'json_schema': {{'name': ..., 'schema': ...}}}}, or a class of pydantic, "
                f"not {wanted!r}"
            )
        return cls(wanted, (wanted.get("json_schema") or wanted).get("schema"))

    def in_words(self, request: Request) -> Request:
        """The request with the form in its last words instead of in an argument."""
        if self.said["type"] == "text":
            return replace(request, response_format=None)
        words = WORDS
        if self.schema is not None:
            from json import dumps  # lazy: 3 ms that only forms need

            words = f"{WORDS} {BY_SCHEMA}\n{dumps(self.schema, ensure_ascii=False)}"
        return replace(request, messages=_with(words, request.messages), response_format=None)


def _with(words: str, messages: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """The conversation with `words` at the end of what the user said last."""
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if message.get("role") == "user":
            content = message.get("content") or ""
            more: Any = f"{content}\n\n{words}"
            if isinstance(content, (list, tuple)):
                more = [*content, {"type": "text", "text": words}]
            return (*messages[:at], {**message, "content": more}, *messages[at + 1 :])
    return ({"role": "system", "content": words}, *messages)


def _closed(schema: Any) -> Any:
    """A schema of pydantic as strict providers want it: no property more, and none less."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:  # names of the user's, and no words of the schema
            closed[key] = {name: _closed(item) for name, item in value.items()}
        elif key != "default":  # what may not be left out needs none
            closed[key] = _closed(value)
    if "properties" in closed:
        closed |= {"required": list(closed["properties"]), "additionalProperties": False}
    return closed


def _is_about_form(refusal: ModelRefused) -> bool:
    said = str(refusal).lower()
    return any(word in said for word in ABOUT_FORM)
