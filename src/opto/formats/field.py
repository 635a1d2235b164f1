"""What an answer may set: one field for each parameter that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from opto.formats.annotations import annotated
from opto.formats.schemas import moved, pointer

__all__ = ["Field", "schema_of"]


@dataclass(frozen=True, slots=True)
class Field:
    """One value that an answer may give.

    Args:
        name: the key in the answer.
        kind: the type in one word, as the prompt shows it: ``"int"``, ``"code"``, ...
        schema: JSON schema of the value; empty where any JSON value will do.
        function: for code, the name of the function that it must define.

    Example:
        >>> Field.of("x0", 3)
        Field(name='x0', kind='int', schema={'type': 'integer'}, function=None)
        >>> Field.of("hue0", "red", choices=["red", "green"]).schema
        {'enum': ['red', 'green']}
    """

    name: str
    kind: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    function: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        value: Any,
        choices: Sequence[Any] = (),
        schema: Mapping[str, Any] | None = None,
        **bounds: Any,
    ) -> Field:
        """The field for a parameter that now has `value`.

        Args:
            name: the key in the answer.
            value: the present value; its type is the type that is asked for.
            choices: the values to choose from, where there are only a few.
            schema: a JSON schema that the values keep to.
            **bounds: further JSON schema keywords, such as ``minimum=0``.
        """
        said = schema_of(value) if schema is None else _typed(schema, value)
        narrowed = {"enum": list(choices)} if choices else {**bounds, **said}
        return cls(name, type(value).__name__, narrowed)

    @classmethod
    def code(cls, name: str, function: str | None) -> Field:
        """The field for the source of a function.

        Args:
            name: the key in the answer.
            function: the name that the source must define; None if it is not known.
        """
        return cls(name, "code", {"type": "string"}, function)

    @property
    def is_code(self) -> bool:
        """Whether the value is source text."""
        return self.kind == "code"


DEEPEST = 6
"""Levels of lists and records that are described: a value may hold itself."""

_TYPES: dict[Any, str] = {
    bool: "boolean",  # before int, which it is too
    int: "integer",
    float: "number",
    (str, bytes, bytearray): "string",
}


def schema_of(value: Any) -> dict[str, Any]:
    """The JSON schema of values like this one.

    Example:
        >>> schema_of([1, 2])
        {'type': 'array', 'items': {'type': 'integer'}}
        >>> schema_of(None)
        {}
    """
    try:
        return _schema(value, DEEPEST)
    except Exception:  # noqa: BLE001 - values of users' types may raise anything when looked into
        return {}


def _schema(value: Any, depth: int) -> dict[str, Any]:
    if isinstance(value, Enum):
        return {"enum": [member.name for member in type(value)]}
    for kind, word in _TYPES.items():
        if isinstance(value, kind):
            return {"type": word}
    if hasattr(value, "tolist"):  # arrays and scalars of numpy and its kin
        return _schema(value.tolist(), depth)
    return next((make(value, depth) for fits, make in _CONTAINERS if fits(value)), {})


def _record(value: Any, depth: int) -> dict[str, Any]:
    """Any of its fields may be left out: then they stay."""
    if not depth:
        return {"type": "object"}
    kinds = annotated(type(value))
    parts: dict[str, Any] = {}
    for name in (f.name for f in fields(value) if f.init):
        part = _schema(getattr(value, name), depth - 1)
        part = _or_null(part) if type(None) in kinds.get(name, ()) else part
        parts[name] = moved(part, pointer("properties", name))
    return {"type": "object", "properties": parts, "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that takes null besides, which the present value does not show."""
    if not schema:  # takes anything
        return schema
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str) and "$ref" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [moved(schema, pointer("anyOf", "0")), {"type": "null"}]}


def _model(value: Any, depth: int) -> dict[str, Any]:  # noqa: ARG001 - a row of the table
    """What pydantic says of a model."""
    try:
        return dict(type(value).model_json_schema())
    except Exception:  # noqa: BLE001 - fields of types that have no form in JSON
        return {"type": "object"}


def _list(values: Any, depth: int) -> dict[str, Any]:
    """What can be said of all members: only what is true of each of the present ones."""
    kinds = {type(v) for v in values}
    # Of numbers and texts, one is as good as a million.
    one_speaks = len(kinds) == 1 and not kinds.isdisjoint((bool, int, float, str))
    asked = list(values)[:1] if one_speaks else values
    schemas = [_schema(v, depth - 1) for v in asked] if depth else []
    alike = bool(schemas) and all(s == schemas[0] for s in schemas)
    items = {"items": moved(schemas[0], pointer("items"))} if alike and schemas[0] else {}
    return {"type": "array", **items}


_CONTAINERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, int], dict[str, Any]]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value, depth: {"type": "object"}),  # noqa: ARG005
    (lambda value: isinstance(value, Sequence | AbstractSet), _list),
    (lambda value: is_dataclass(value) and not isinstance(value, type), _record),
    (lambda value: hasattr(value, "model_json_schema"), _model),
)


def _typed(schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """A schema with the type of the value in it, where it names none."""
    if not {"type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"}.isdisjoint(schema):
        return dict(schema)
    own = schema_of(value).get("type")
    return {"type": own, **schema} if own else dict(schema)
