"""An answer in the form that was asked for, or else in the other one that we know.

A value may hold what looks like an answer of its own: an object may stand in an element, and
an element in a text of an object. What stands in something else names nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from opto.formats.json import JSONFormat
from opto.formats.scan import Found, scanned
from opto.formats.tags import OTHER, TagFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opto.formats.elements import Element
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
    if not elements:
        return form.parse(text, fields)
    answers = [o for o in _objects(text) if JSONFormat().suggestion in o.content]
    around = _around(answers, elements)
    if not around:
        return form.parse(text, fields)
    if _outside(elements, around):
        return form.parse(_without(text, around), fields)
    parsed = JSONFormat().parse(text, fields)
    return replace(parsed, repairs=(OTHER, *parsed.repairs))


def _json(form: JSONFormat, text: str, fields: Sequence[Field]) -> Parsed:
    """JSON; where no object is an answer by its key, the elements that stand in none."""
    tags = TagFormat()
    every = [e for e in tags.elements(text) if e.name]
    objects = [o for o in _objects(text) if o.whole] if every else []
    elements = _outside(every, objects)
    if not elements:
        return form.parse(text, fields)
    # What stands in an element is a value, were it an object that looks like an answer.
    rest = _without(text, elements)
    if any(form.suggestion in o.content for o in _objects(rest)):
        return form.parse(rest, fields)
    around = _around(objects, every)
    parsed = tags.parse(_without(text, around), fields)
    if not (parsed.values or parsed.refused or parsed.unknown):
        return form.parse(rest, fields)
    told = "another form than the JSON that was asked for"
    return replace(parsed, repairs=(told, *parsed.repairs))


def _objects(text: str) -> list[Found]:
    return [piece for piece in scanned(text).pieces if isinstance(piece, Found)]


def _outside(elements: Sequence[Element], objects: Sequence[Found]) -> list[Element]:
    """The elements that stand in none of the objects."""
    starts = [o.start for o in objects]  # in their order, and none in another
    before = ((e, bisect_right(starts, e.start) - 1) for e in elements)
    return [e for e, at in before if at < 0 or e.end > objects[at].end]


def _around(objects: Sequence[Found], elements: Sequence[Element]) -> list[Found]:
    """The objects in which there are elements."""
    starts = [e.start for e in elements]
    after = ((o, bisect_left(starts, o.start)) for o in objects)
    return [o for o, at in after if at < len(elements) and elements[at].end <= o.end]


def _without(text: str, spans: Iterable[_Span]) -> str:
    parts, at = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        parts.append(text[at : max(at, span.start)])
        at = max(at, span.end)
    return "\n".join([*parts, text[at:]])
