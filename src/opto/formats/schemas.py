"""Schemas of values inside of the schema of an answer: moved there, judged, and drawn."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["drawn", "is_strict", "moved", "pointer"]

MOST = 12
"""Keys of an object that are drawn one by one."""

_DEEPEST = 3
# What stands under these words is named by the user.
_NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
# What stands under these is a value, and no schema.
_VALUES = ("enum", "const", "default", "examples")
_STRICT = {
    *("type", "enum", "const", "title", "description", "items", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("properties", "required", "additionalProperties", "pattern", "format"),
}
_WORDS = {"string": "text"}
_SIMPLE = ("boolean", "integer", "number", "string", "null")


def pointer(*steps: str) -> str:
    """The place in a document that these keys lead to, as schemas write it.

    Example:
        >>> pointer("properties", "a/b")
        '#/properties/a~1b'
    """
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join(["#", *escaped])


def moved(schema: Mapping[str, Any], to: str) -> dict[str, Any]:
    """A schema as it is written at a place inside of another one.

    Args:
        schema: a whole document: what it refers to stands in it.
        to: the place; see `pointer`.

    Example:
        >>> moved({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, "#/properties/x0")
        {'$ref': '#/properties/x0/$defs/a', '$defs': {'a': {'type': 'integer'}}}
    """
    own = schema.get("$id", "")
    inner = {key: part for key, part in schema.items() if key not in ("$schema", "$id")}
    made: dict[str, Any] = _moved(inner, to, own if isinstance(own, str) else "")
    return made


def _moved(part: Any, to: str, own: str) -> Any:
    if isinstance(part, list):
        return [_moved(item, to, own) for item in part]
    if not isinstance(part, dict):
        return part
    made = {}
    for key, value in part.items():
        if key in _VALUES:
            made[key] = value
        elif key in _NAMES and isinstance(value, dict):
            made[key] = {name: _moved(item, to, own) for name, item in value.items()}
        elif key == "$ref" and isinstance(value, str):
            inside = value.removeprefix(own)
            made[key] = to + inside[1:] if inside in ("", "#") or inside[:2] == "#/" else value
        else:
            made[key] = _moved(value, to, own)
    return made


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: it wants every part of it closed.

    Example:
        >>> is_strict({"type": "integer"}), is_strict({"type": "object"})
        (True, False)
    """
    if not isinstance(schema, dict) or not _STRICT.issuperset(schema):
        return False
    if "enum" in schema:
        return True
    kind = schema.get("type")
    if kind == "array":
        return is_strict(schema.get("items"))
    if kind == "object":
        parts = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False
        every = sorted(schema.get("required", ())) == sorted(parts)
        return closed and every and all(map(is_strict, parts.values()))
    return kind in _SIMPLE


def drawn(schema: Mapping[str, Any], kind: str, depth: int = 0) -> str:
    """A placeholder for a value of a schema, as it would stand in JSON.

    Args:
        schema: the schema.
        kind: the type in one word.
        depth: how many objects it stands in.

    Example:
        >>> drawn({"enum": ["a", "b"]}, "str"), drawn({"type": "string"}, "str")
        ('<one of "a" | "b">', '"<str>"')
        >>> drawn({"type": "object", "properties": {"n": {"type": "integer"}}}, "Point")
        '{"n": <integer>}'
    """
    if "enum" in schema:
        return "<one of " + " | ".join(map(dumps, schema["enum"])) + ">"
    parts = schema.get("properties")
    if isinstance(parts, dict) and 0 < len(parts) <= MOST and depth < _DEEPEST:
        inner = (f"{dumps(name)}: {_part(part, depth + 1)}" for name, part in parts.items())
        return "{" + ", ".join(inner) + "}"
    return f'"<{kind}>"' if schema.get("type") == "string" else f"<{kind}>"


def _part(schema: Any, depth: int) -> str:
    if not isinstance(schema, dict):
        return "<value>"
    kinds = schema.get("type", "value")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return drawn(schema, " or ".join(_WORDS.get(str(kind), str(kind)) for kind in kinds), depth)
