"""JSON schemas: what is wrong with a value by one, in words that who proposed it can act on."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from json import loads
from typing import TYPE_CHECKING, Any

from opto.errors import ModelMissing, NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["as_json", "checked_schema", "violations"]

MOST = 3
"""Reasons that are told of one value: a model that mends three sees the others next."""

LONGEST = 200
"""Characters of one reason, which quotes the value."""


def violations(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with a value; empty where the schema takes it.

    A text is taken for itself, or else for the JSON that stands in it.

    Args:
        schema: a JSON schema, of any draft.
        value: any value; `as_json` says what it is to the schema.

    Raises:
        ModelMissing: the package ``jsonschema`` is not installed.

    Example:
        >>> violations({"type": "object", "required": ["a"]}, {})
        ["'a' is a required property"]
        >>> violations({"type": "array", "items": {"type": "integer"}}, [1, "two"])
        ["at $[1]: 'two' is not of type 'integer'"]
    """
    plain = as_json(value)
    reasons = _reasons(schema, plain)
    if reasons and isinstance(plain, str):
        try:
            inner = loads(plain, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return reasons
        if _wants(schema, inner):
            return _reasons(schema, inner)
    return reasons


def checked_schema(schema: Any) -> dict[str, Any]:
    """The schema that is meant, known to be one.

    Args:
        schema: a mapping, or a class of pydantic.

    Raises:
        NodeError: it is none, or refers to something that is not in it.
        ModelMissing: as `violations`.
    """
    made = getattr(schema, "model_json_schema", None)
    found = made() if isinstance(schema, type) and made else schema
    if not isinstance(found, dict):
        raise NodeError(
            f"a JSON schema is a dictionary such as {{'type': 'integer'}}, or a class of "
            f"pydantic, not {schema!r}"
        )
    package = _package()
    try:
        package.validators.validator_for(found).check_schema(found)
    except package.SchemaError as cause:
        raise NodeError(f"this is no JSON schema: {cause.json_path}: {cause.message}") from cause
    foreign = _foreign(found)
    if foreign is not None:
        raise NodeError(
            f"the schema refers to {foreign!r}, which is not in it; put what is meant into its "
            f"'$defs': nothing is fetched from elsewhere"
        )
    return found


def as_json(value: Any) -> Any:
    """A value as JSON has it: members of enums by their values, records as objects.

    Example:
        >>> as_json({"a": (1, 2), 3: {4}})
        {'a': [1, 2], '3': [4]}
    """
    if value is None or (isinstance(value, bool | int | float | str) and not _is_enum(value)):
        return value
    return next(make(value) for fits, make in _FORMS if fits(value))


def _is_enum(value: Any) -> bool:
    return isinstance(value, Enum)


_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (_is_enum, lambda value: as_json(value.value)),
    (lambda value: isinstance(value, dict), lambda v: {str(k): as_json(x) for k, x in v.items()}),
    (lambda value: isinstance(value, list | tuple | set | frozenset), lambda v: [*map(as_json, v)]),
    (
        lambda value: is_dataclass(value) and not isinstance(value, type),
        lambda value: {f.name: as_json(getattr(value, f.name)) for f in fields(value)},
    ),
    (lambda value: hasattr(value, "model_dump"), lambda value: value.model_dump(mode="json")),
    (lambda value: hasattr(value, "tolist"), lambda value: as_json(value.tolist())),  # numpy's
    (lambda value: True, str),  # noqa: ARG005
)


def _package() -> Any:
    try:
        # lazy: an optional package, and 80 ms to import.
        import jsonschema
    except ImportError as cause:
        raise ModelMissing(
            'a JSON schema is checked by the package jsonschema: pip install "trace-opt[schema]"'
        ) from cause
    return jsonschema


def _reasons(schema: Any, plain: Any) -> list[str]:
    package = _package()
    from referencing import Registry  # lazy: comes with jsonschema

    kind = package.validators.validator_for(schema)
    # A registry of its own, so that nothing is fetched over the network.
    validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
    errors = sorted(validator.iter_errors(plain), key=lambda error: len(error.path))
    said = [_words(package.exceptions.best_match([error])) for error in errors]
    distinct = list(dict.fromkeys(said))
    more = len(distinct) - MOST
    return [*distinct[:MOST], *([f"and {more} more"] if more > 0 else [])]


def _wants(schema: Mapping[str, Any], inner: Any) -> bool:
    """Whether what stands in a text may be meant, and not the text."""
    if "type" in schema:
        return "string" not in schema["type"]  # a word, or a list of words
    return isinstance(inner, dict | list)


def _words(error: Any) -> str:
    text = error.message
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return text if error.json_path == "$" else f"at {error.json_path}: {text}"


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _foreign(schema: dict[str, Any]) -> str | None:
    """Something that the schema refers to and that is not in it; None where all is."""
    # lazy: comes with jsonschema
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = Registry().resolver_with_root(resource)
    parts = list(_parts(schema))
    if any("$id" in part for part in parts if part is not schema):
        return None  # what is meant depends on where it stands; it will be seen when it is used
    for target in (part["$ref"] for part in parts if isinstance(part.get("$ref"), str)):
        try:
            resolver.lookup(target)
        except Unresolvable:
            return str(target)
    return None


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    left = [schema]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part
