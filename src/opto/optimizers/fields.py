"""What an answer may set for a parameter: its type, its choices, its bounds."""

from __future__ import annotations

import math
import re
from enum import Enum
from json import dumps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError
from opto.formats import Field
from opto.optimizers.code import Head
from opto.optimizers.convert import convert, same
from opto.trace.projections import Check, Choices, Pattern, Range, Schema
from opto.trace.schemas import violations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["constraint_of", "field_of", "head_of", "is_code", "wanted"]

_ONE_OF = re.compile(
    r"^\W*(?:must be |choose |pick |use )?one of(?P<options>:.*|\s*[\[({'\"].*)", re.IGNORECASE
)
_QUOTED = re.compile(r"""(["'`])(.+?)\1""")
_BETWEEN = re.compile(r"\s*(?:[,;|]\s*(?:or\b)?|\bor\b)\s*")


def is_code(node: Any) -> bool:
    """Whether a parameter holds the source of a function.

    Source: SPEC 7.2 step 2: its name says so.
    """
    return "__code" in node.py_name and isinstance(node._data, str)


def head_of(node: Any) -> Head | None:
    """The head that a code parameter must keep; None for others, and where it is not known."""
    return Head.of(node.constraint, node._data) if is_code(node) else None


def field_of(node: Any, name: str) -> Field:
    """The field of an answer that gives `node` a new value.

    Args:
        node: a parameter.
        name: what it is called in the problem.

    Example:
        >>> from opto.trace import node
        >>> field_of(node("red", constraint="one of: red, green", trainable=True), "hue0").schema
        {'enum': ['red', 'green']}
    """
    value = node._data
    if is_code(node):
        head = head_of(node)
        return Field.code(name, head.name if head else None)
    bounds: dict[str, float] = {}
    schema: Mapping[str, Any] | None = None
    choices = _options(node.constraint, value)
    for projection in getattr(node, "projections", None) or ():
        if isinstance(projection, Choices):
            choices = _as_json([_plain(option) for option in projection.options])
        if isinstance(projection, Range) and not projection.clip:
            bounds.update(_bounds(projection))
        if isinstance(projection, Schema) and schema is None and _answers(projection, value):
            schema = projection.schema
    return Field.of(name, value, choices, schema, **bounds)


def constraint_of(node: Any) -> str | None:
    """All that is asked of new values of `node`, in words: by the user, and by projections.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.projections import Range
        >>> constraint_of(node(3, constraint="even", projections=[Range(0, 10)], trainable=True))
        'even; from 0 to 10'
    """
    if is_code(node):
        # Bundle says in it how the code must begin, on lines of its own.
        return "\n".join(filter(None, [node.constraint, *_demands(node)])) or None
    return "; ".join(filter(None, [node.description, node.constraint, *_demands(node)])) or None


def _demands(node: Any) -> list[str]:
    """What the projections of a parameter ask for, in words."""
    said: list[str] = []
    told = [node.description, node.constraint]
    for projection in getattr(node, "projections", None) or ():
        if isinstance(projection, Choices) and not _lists([*told, *said], projection):
            said.append(f"one of {', '.join(map(repr, projection.options))}")
        elif isinstance(projection, Range):
            said.append(_range(projection))
        elif isinstance(projection, Pattern):
            said.append(f"text that the regular expression {projection.pattern.pattern} matches")
        elif isinstance(projection, Schema):
            said.append(f"valid by the JSON schema {dumps(projection.schema, ensure_ascii=False)}")
        elif isinstance(projection, Check) and projection.words:
            said.append(projection.words)
    return said


def _answers(projection: Schema, value: Any) -> bool:
    """Whether an answer that the schema takes can become a value of this type."""
    if not isinstance(value, str) or "string" in projection.schema.get("type", "string"):
        return True
    # A text that holds JSON: an answer can be such JSON if the present text is.
    return not violations({"type": projection.schema["type"]}, value)


def _lists(said: Sequence[str | None], projection: Choices) -> bool:
    """Whether all choices are named already."""
    words = " ".join(filter(None, said))
    return all(str(_plain(option)) in words for option in projection.options)


def wanted(
    targets: Mapping[str, Any], beyond: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """What an answer may set, as the fields of a `Problem`.

    Args:
        targets: parameters by their names in the problem.
        beyond: others that are not asked for, and taken where an answer names them.
    """
    every = {**beyond, **targets}
    return {
        "fields": tuple(field_of(node, name) for name, node in targets.items()),
        "current": {name: node._data for name, node in every.items()},
        "heads": {name: head_of(node) for name, node in every.items() if is_code(node)},
        "projections": {
            name: tuple(rules)
            for name, node in every.items()
            if (rules := getattr(node, "projections", None))
        },
    }


def _range(projection: Range) -> str:
    bounds = _bounds(projection)
    if len(bounds) == 2:
        return f"from {projection.low} to {projection.high}"
    words = {"minimum": "at least", "maximum": "at most"}
    return "".join(f"{words[name]} {bound}" for name, bound in bounds.items())


def _options(constraint: str | None, value: Any) -> list[Any]:
    """The values that a constraint in words lists, if it lists some."""
    found = _ONE_OF.match(constraint or "")
    if found is None:
        return []
    listed = found["options"]
    words = [text for _, text in _QUOTED.findall(listed)]
    words = words or _BETWEEN.split(listed.strip(":.[](){} "))
    try:
        options = [_plain(convert(word, value)) for word in words if word]
    except AnswerError:
        return []
    distinct = [o for i, o in enumerate(options) if not any(same(o, p) for p in options[:i])]
    return distinct if len(distinct) > 1 else []


def _bounds(projection: Range) -> dict[str, float]:
    named = {"minimum": projection.low, "maximum": projection.high}
    # Bounds may be numbers of numpy or decimal, which JSON does not know.
    return {
        word: bound if type(bound) in (int, float) else float(bound)
        for word, bound in named.items()
        if math.isfinite(bound)
    }


def _as_json(options: list[Any]) -> list[Any]:
    """The options, if all of them can be written in JSON; otherwise none."""
    try:
        dumps(options, allow_nan=False)
    except (TypeError, ValueError):
        return []
    return options


def _plain(option: Any) -> Any:
    return option.name if isinstance(option, Enum) else option
