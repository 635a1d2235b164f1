"""An answer in the form that was asked for, or else in the other one that we know.

A value may hold what looks like an answer of its own: an object may stand in an element, and
an element in a text of an object. What stands in something else names nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from opto.formats.json import JSONFormat
from opto.formats.scan import Found, scanned
from opto.formats.tags import OTHER, TagFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opto.formats.field import Field
    from opto.formats.parsed import Format, Parsed

__all__ = ["read_answer"]


class _Span(Protocol):
    """A part of a text."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it ends."""


def read_answer(form: Format, text: str | None, fields: Sequence[Field]) -> Parsed:
    """Read an answer.

    Args:
        form: the form that was asked for.
        text: what the model wrote.
        fields: what it was asked for.

    Example:
        >>> from opto.formats import Field
        >>> said = "<variable><name>x0</name><value>5</value></variable>"
        >>> parsed = read_answer(JSONFormat(), said, [Field.of("x0", 3)])
        >>> parsed.values, parsed.repairs
        ({'x0': '5'}, ('another form than the JSON that was asked for',))
    """
    text = text or ""
    if isinstance(form, TagFormat):
        return _tags(form, text, fields)
    return _json(form, text, fields) if isinstance(form, JSONFormat) else form.parse(text, fields)


def _tags(form: TagFormat, text: str, fields: Sequence[Field]) -> Parsed:
    """Tags; where all of them stand in an object that is an answer, that object."""
    elements = form.elements(text)
    answers = [o for o in _objects(text) if JSONFormat().suggestion in o.content]
    around = [o for o in answers if any(_holds(o, e) for e in elements)]
    if not around:
        return form.parse(text, fields)
    if any(not any(_holds(o, e) for o in around) for e in elements):
        return form.parse(_without(text, around), fields)
    parsed = JSONFormat().parse(text, fields)
    return replace(parsed, repairs=(OTHER, *parsed.repairs))


def _json(form: JSONFormat, text: str, fields: Sequence[Field]) -> Parsed:
    """JSON; where no object is an answer by its key, the elements that stand in none."""
    tags = TagFormat()
    objects = [o for o in _objects(text) if o.whole]
    elements = [e for e in tags.elements(text) if e.name and not any(_holds(o, e) for o in objects)]
    if not elements:
        return form.parse(text, fields)
    # What stands in an element is a value, were it an object that looks like an answer.
    rest = _without(text, elements)
    if any(form.suggestion in o.content for o in _objects(rest)):
        return form.parse(rest, fields)
    around = [o for o in objects if any(_holds(o, e) for e in tags.elements(text))]
    parsed = tags.parse(_without(text, around), fields)
    if not (parsed.values or parsed.refused or parsed.unknown):
        return form.parse(rest, fields)
    told = "another form than the JSON that was asked for"
    return replace(parsed, repairs=(told, *parsed.repairs))


def _objects(text: str) -> list[Found]:
    return [piece for piece in scanned(text).pieces if isinstance(piece, Found)]


def _holds(outer: Found, inner: _Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _without(text: str, spans: Iterable[_Span]) -> str:
    parts, at = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        parts.append(text[at : max(at, span.start)])
        at = max(at, span.end)
    return "\n".join([*parts, text[at:]])
