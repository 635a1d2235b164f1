"""What an answer may set: one field for each parameter that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

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
    def of(cls, name: str, value: Any, choices: Sequence[Any] = (), **bounds: Any) -> Field:
        """The field for a parameter that now has `value`.

        Args:
            name: the key in the answer.
            value: the present value; its type is the type that is asked for.
            choices: the values to choose from, where there are only a few.
            **bounds: further JSON schema keywords, such as ``minimum=0``.
        """
        schema = {"enum": list(choices)} if choices else {**schema_of(value), **bounds}
        return cls(name, type(value).__name__, schema)

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
    for kind, word in _TYPES.items():
        if isinstance(value, kind) and not isinstance(value, Enum):
            return {"type": word}
    if isinstance(value, Enum):
        return {"enum": [member.name for member in type(value)]}
    if isinstance(value, Mapping):
        return {"type": "object"}
    if isinstance(value, Sequence | AbstractSet):
        return {"type": "array", **_items(value)}
    if hasattr(value, "tolist"):  # arrays and scalars of numpy and its kin
        return schema_of(value.tolist())
    return {}


def _items(values: Any) -> dict[str, Any]:
    """What can be said of all members: only what is true of each of the present ones."""
    schemas = [schema_of(v) for v in values]
    alike = bool(schemas) and all(s == schemas[0] for s in schemas)
    return {"items": schemas[0]} if alike and schemas[0] else {}
