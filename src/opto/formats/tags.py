"""Answers as tagged text: how it is asked for, and how it is read.

Values stand between tags as they are, without escapes, so that code and prompts need no
second syntax round them. What can be read with one meaning is read and the liberty taken is
named; what cannot is refused with a reason. Nothing a model wrote raises.

Source: SPEC 7.5, 11.C2, C17, 12 A.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from opto.formats.elements import CUT_OFF, Elements
from opto.formats.guard import freed, guarded, tag_in
from opto.formats.json import JSONFormat
from opto.formats.lexer import CUT
from opto.formats.names import Names
from opto.formats.parsed import Parsed
from opto.formats.visible import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opto.formats.elements import Element
    from opto.formats.field import Field

__all__ = ["NO_END", "OTHER", "TagFormat"]

STOP = "TERMINATE"
NO_END = "without its end"
OTHER = "another form than the tags that were asked for"

_THINKING = ("think", "thinking", "thought")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)
_OBJECT = re.compile(r"\{\s*[\"']")


@dataclass(frozen=True, slots=True)
class TagFormat:
    """``<reasoning>…</reasoning>``, then each value as an element with a name.

    Args:
        reasoning: the tag of the thoughts; None does not ask for them.
        variable: the tag of an element.
        name: the tag of its name.
        value: the tag of its value.

    Example:
        >>> from opto.formats import Field
        >>> said = "<variable><name>x0</name><value>5</value></variable>"
        >>> TagFormat().parse(said, [Field.of("x0", 3)]).values
        {'x0': '5'}
    """

    reasoning: str | None = "reasoning"
    variable: str = "variable"
    name: str = "name"
    value: str = "value"

    # -- asking ----------------------------------------------------------------------

    @property
    def words(self) -> dict[str, str]:
        """The tags, for prompts that speak of them."""
        return {
            "reasoning": self.reasoning or "",
            "answer_tag": self.variable,
            "name_tag": self.name,
            "answer_value_tag": self.value,
        }

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that mean something in an answer."""
        own = (self.variable, self.name, self.value, *_THINKING)
        return (*own, self.reasoning) if self.reasoning else own

    def shape(self, fields: Sequence[Field]) -> str:
        """An answer with a placeholder for each value.

        Example:
            >>> from opto.formats import Field
            >>> print(TagFormat(reasoning=None).shape([Field.of("x0", 3)]))
            <variable>
            <name>x0</name>
            <value>
            new value of type int
            </value>
            </variable>
        """
        # Angles that say "put it in here" in JSON would look like a tag in here.
        written = {escape(f.name.strip("<>")): self._placeholder(f) for f in fields}
        return self._written(written, "text")

    def write(self, values: Mapping[str, Any], reasoning: str = "") -> str:
        """An answer that gives these values, whatever stands in them.

        Args:
            values: by name; what is no text is written as Python does it.
            reasoning: the thoughts.
        """
        return self._written({k: guarded(str(v), self.tags) for k, v in values.items()}, reasoning)

    def response_format(self, fields: Sequence[Field]) -> None:
        """None: a provider can hold no model to tags."""

    def _written(self, values: Mapping[str, str], reasoning: str) -> str:
        parts = [f"<{self.reasoning}>\n{reasoning}\n</{self.reasoning}>"] if self.reasoning else []
        parts += [
            f"<{self.variable}>\n<{self.name}>{name}</{self.name}>\n"
            f"<{self.value}>\n{value}\n</{self.value}>\n</{self.variable}>"
            for name, value in values.items()
        ]
        return "\n".join(parts)

    def _placeholder(self, field: Field) -> str:
        words = on_one_line(_said_of(field))
        # What is shown here is no answer: no tag in it may be taken for one.
        return words.replace("<", "\\u003c") if tag_in(words, self.tags) else words

    # -- reading ---------------------------------------------------------------------

    def parse(self, text: str | None, fields: Sequence[Field]) -> Parsed:
        """Read an answer.

        Args:
            text: what the model wrote.
            fields: what it was asked for.
        """
        text = text or ""
        read = _read(text, self)
        thoughts = read.said(text)
        rest = read.rest(text).strip()
        if not read.elements:
            return self._without_elements(text, rest, read, thoughts, fields)
        repairs = list(read.repairs)
        if _FENCE.search(rest):
            repairs.append("tags inside a fence")
        given = self._values(read.elements, fields, repairs)
        taken = Names(fields).sort(given, repairs)
        reasons = {e.name: e.why for e in read.elements if e.why}
        taken["refused"] = {name: reasons.get(name, why) for name, why in taken["refused"].items()}
        failure = None
        if not (taken["values"] or taken["refused"] or taken["unknown"]):
            failure = self._nothing_named(read.elements)
        return Parsed(thoughts, repairs=tuple(dict.fromkeys(repairs)), failure=failure, **taken)

    def elements(self, text: str) -> tuple[Element, ...]:
        """The elements that stand in an answer and in no thought, with their places.

        Args:
            text: what the model wrote.
        """
        return tuple(_read(text, self).elements)

    def matched(self, suggestion: Any, fields: Sequence[Field]) -> Parsed:
        """What a suggestion that was read already says about the fields.

        Args:
            suggestion: values by name.
            fields: what was asked for.
        """
        return JSONFormat().matched(suggestion, fields)

    def _values(
        self, elements: Sequence[Element], fields: Sequence[Field], repairs: list[str]
    ) -> dict[str, str]:
        """The values by the names that were written; of two for one name, the later."""
        names, code = Names(fields), {f.name for f in fields if f.is_code}
        given: dict[str, str] = {}
        meant: dict[str, str] = {}
        for element in elements:
            repairs.extend(element.mends)
            name = names.find(element.name) or element.name
            if not name:
                repairs.append("a value without a name left out")
                continue
            value = element.value
            if not element.exact:
                value, more = freed(value, self.tags, is_code=name in code)
                repairs.extend(more)
            if name in meant:
                repairs.append(f"the last of several values for {name!r}")
                given.pop(meant[name], None)
            meant[name] = element.name
            given[element.name] = value if element.why is None else value + CUT
        return given

    def _without_elements(
        self, text: str, rest: str, read: _Read, thoughts: str, fields: Sequence[Field]
    ) -> Parsed:
        if rest.strip("`\"'. \n").upper() == STOP:
            return Parsed(thoughts, stop=True)
        if read.unfinished:
            return Parsed(thoughts, failure=read.unfinished)
        if not text.strip():
            return Parsed(failure="the answer is empty")
        if _OBJECT.search(rest) or _FENCE.search(rest):
            other = JSONFormat().parse(rest, fields)
            if other.values or other.refused:
                reasoning = "\n".join(filter(None, (thoughts, other.reasoning)))
                return replace(other, reasoning=reasoning, repairs=(OTHER, *other.repairs))
        if not rest:
            return Parsed(
                thoughts,
                failure=f"there is nothing after the thoughts; give each new value as "
                f"<{self.variable}>, or answer {STOP} if nothing is to change",
            )
        return Parsed(thoughts, failure=f"the answer holds no <{self.variable}> that can be read")

    def _nothing_named(self, elements: Sequence[Element]) -> str:
        if any(element.why == CUT_OFF for element in elements):
            return "the answer was cut off before any value"
        return f"no <{self.variable}> says by <{self.name}> which variable it is"


def _said_of(field: Field) -> str:
    if "enum" in field.schema:
        return "one of: " + " | ".join(map(str, field.schema["enum"]))
    if field.is_code:
        return "the whole new function"
    keys = field.schema.get("properties")
    if keys and field.kind != "dict":
        return f"new value of type {field.kind}, as JSON with the keys {', '.join(keys)}"
    # More than one word is no type, but says itself what stands here.
    return field.kind if " " in field.kind else f"new value of type {field.kind}"


# -- the parts of an answer ---------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """What stands in an answer, at its top level."""

    thoughts: list[tuple[int, int]] = field(default_factory=list)
    reasoning: str = ""
    elements: list[Element] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    unfinished: str | None = None

    def rest(self, text: str) -> str:
        """All that is neither thought nor element."""
        spans = sorted([*self.taken, *((e.start, e.end) for e in self.elements)])
        parts, at = [], 0
        for start, end in spans:
            parts.append(text[at : max(at, start)])
            at = max(at, end)
        return "".join([*parts, text[at:]])

    def forget(self, start: int, end: int) -> None:
        """Take all up to here for thoughts: nothing that was thought of is a value."""
        self.thoughts, self.reasoning, self.elements = [(0, start)], "", []
        self.taken, self.repairs = [(0, end)], []

    def reason(self, said: str) -> None:
        """Take what is between the tags of the reasoning."""
        if self.elements:
            self.repairs.append("values before the reasoning")
        self.reasoning = "\n".join(filter(None, (self.reasoning, said.strip())))

    def said(self, text: str) -> str:
        """What was thought, and the reasoning."""
        thoughts = (text[start:end].strip() for start, end in self.thoughts)
        return "\n".join(filter(None, (*thoughts, self.reasoning.strip())))


@lru_cache(maxsize=16)
def _patterns(form: TagFormat) -> tuple[Elements, re.Pattern[str]]:
    aside = "|".join(map(re.escape, (*_THINKING, *filter(None, [form.reasoning]))))
    top = rf"<(?P<close>/?)(?P<tag>{aside})\s*>|<(?P<variable>{re.escape(form.variable)})\b[^<>]*>"
    elements = Elements(form.variable, form.name, form.value)
    return elements, re.compile(top, re.IGNORECASE)


@lru_cache(maxsize=64)
def _closing(tag: str) -> re.Pattern[str]:
    return re.compile(rf"</{re.escape(tag)}\s*>", re.IGNORECASE)


def _read(text: str, form: TagFormat) -> _Read:
    elements, top = _patterns(form)
    read, at, open_reasoning = _Read(), 0, None
    while found := top.search(text, at):
        at = found.end()
        tag = (found["tag"] or "").lower()
        if found["variable"]:
            element = elements.at(text, found.start())
            if element is not None:
                read.elements.append(element)
                at = max(at, element.end)
        elif found["close"]:
            # The chat template, or the prompt, wrote the opening tag.
            read.forget(found.start(), at)
            open_reasoning = None
        elif open_reasoning is None or tag in _THINKING:
            end = _closing(tag).search(text, at)
            if end is None and tag == (form.reasoning or "").lower():
                open_reasoning = found.start()
            elif end is None:
                read.thoughts.append((at, len(text)))
                read.taken.append((found.start(), len(text)))
                read.unfinished = "the answer was cut off while thinking; think less and answer"
                break
            else:
                if tag == (form.reasoning or "").lower():
                    read.reason(text[at : end.start()])
                else:
                    read.thoughts.append((at, end.start()))
                read.taken.append((found.start(), end.end()))
                at = end.end()
    if open_reasoning is not None:
        _close(read, text, open_reasoning, form)
    return read


def _close(read: _Read, text: str, start: int, form: TagFormat) -> None:
    """End a reasoning that has no end: before the elements that the answer ends with.

    What stands between thoughts may be a thought.
    """
    last = list(_last_run(read.elements, text, start))
    before = [element for element in read.elements if element.end <= start]
    if not last:
        read.unfinished = f"<{form.reasoning}> has no end, and no values come after it"
    begin = last[0].start if last else len(text)
    read.repairs.append(f"<{form.reasoning}> {NO_END}")
    read.reasoning = text[start:begin].partition(">")[2].strip()
    read.taken = [span for span in read.taken if span[1] <= start] + [(start, begin)]
    read.elements = [*before, *last]


def _last_run(elements: Sequence[Element], text: str, start: int) -> Iterator[Element]:
    """The elements after `start` that end the answer with nothing between them."""
    run: list[Element] = []
    end = len(text)
    for element in reversed(elements):
        if element.start < start or text[element.end : end].strip("` \t\r\n"):
            break
        run.insert(0, element)
        end = element.start
    return iter(run)
