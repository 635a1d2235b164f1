"""Answers as one JSON object: how it is asked for, and how it is read.

Models wrap the object in prose, fences and thoughts, bend its syntax, or stop in the
middle. What can be read with one meaning is read and the liberty taken is named; what
cannot is refused with a reason that the model can act on. Nothing a model wrote raises.

Source: SPEC 7.2 steps 4 to 6, 11.C1-C4, 12 A.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from json import dumps, loads
from typing import TYPE_CHECKING, Any

from opto.formats.lexer import marked
from opto.formats.names import Names
from opto.formats.parsed import Parsed
from opto.formats.scan import Block, Found, scanned
from opto.formats.schemas import drawn, is_strict, moved, pointer
from opto.formats.wrapped import unquoted, unwrapped

if TYPE_CHECKING:
    from opto.formats.field import Field

__all__ = ["JSONFormat"]

STOP = "TERMINATE"


@dataclass(frozen=True, slots=True)
class JSONFormat:
    """``{"reasoning": ..., "suggestion": {name: value}}``.

    Args:
        reasoning: the key of the thoughts; None does not ask for them.
        suggestion: the key of the values.
        answer: the key of an answer to a question; None does not ask for one.
        reasoning_limit: the longest reasoning that a schema allows, in characters. Small
            models that may ramble do not come to the point.

    Example:
        >>> from opto.formats import Field
        >>> form = JSONFormat()
        >>> form.parse('Sure! {"suggestion": {"x0": 5,}}', [Field.of("x0", 3)]).values
        {'x0': 5}
    """

    reasoning: str | None = "reasoning"
    suggestion: str = "suggestion"
    answer: str | None = None
    reasoning_limit: int = 400

    # -- asking ----------------------------------------------------------------------

    def shape(self, fields: Sequence[Field]) -> str:
        """The object with a placeholder for each value.

        Example:
            >>> from opto.formats import Field
            >>> JSONFormat().shape([Field.of("x0", 3)])
            '{"reasoning": "<text>", "suggestion": {"x0": <int>}}'
        """
        values = ", ".join(f"{dumps(f.name)}: {drawn(f.schema, f.kind)}" for f in fields)
        parts = [f'{dumps(key)}: "<text>"' for key in (self.reasoning, self.answer) if key]
        return "{" + ", ".join([*parts, f"{dumps(self.suggestion)}: {{{values}}}"]) + "}"

    @property
    def words(self) -> dict[str, str]:
        """The keys, for prompts that speak of them."""
        return {"reasoning": self.reasoning or "", "suggestion": self.suggestion}

    def write(self, values: Mapping[str, Any], reasoning: str = "") -> str:
        """An answer that gives these values.

        Args:
            values: in JSON's types, by name.
            reasoning: the thoughts.
        """
        thoughts = {self.reasoning: reasoning} if self.reasoning else {}
        return dumps({**thoughts, self.suggestion: dict(values)}, ensure_ascii=False)

    def schema(self, fields: Sequence[Field]) -> dict[str, Any]:
        """A JSON schema that names exactly these fields, with their types."""
        texts = [key for key in (self.reasoning, self.answer) if key]
        at = ("properties", self.suggestion, "properties")
        values = _closed_object({f.name: moved(f.schema, pointer(*at, f.name)) for f in fields})
        limited = {key: {"type": "string", "maxLength": self.reasoning_limit} for key in texts}
        return _closed_object({**limited, self.suggestion: values})

    def response_format(self, fields: Sequence[Field]) -> dict[str, Any]:
        """The schema as the argument ``response_format`` of OpenAI's API."""
        schema = self.schema(fields)
        named = {"name": "answer", "strict": all(is_strict(f.schema) for f in fields)}
        return {"type": "json_schema", "json_schema": {**named, "schema": schema}}

    # -- reading ---------------------------------------------------------------------

    def parse(self, text: str | None, fields: Sequence[Field]) -> Parsed:
        """Read an answer.

        Args:
            text: what the model wrote.
            fields: what it was asked for.
        """
        scan = scanned(text or "")
        answer, thoughts, parts = scan.answer, scan.thoughts, scan.pieces
        if not scan.ended or not answer.strip():
            return Parsed(thoughts, failure=_nothing(thoughts, scan.ended))
        if answer.strip().strip("`\"'.").upper() == STOP:
            return Parsed(thoughts, stop=True)
        names = Names(fields)
        objects = (piece for piece in parts if isinstance(piece, Found))
        found = [unwrapped(one, self.suggestion, names, self.answer) for one in objects]
        chosen = self._choose(found, fields)
        if chosen is None:
            blocks = [piece for piece in parts if isinstance(piece, Block)]
            return (
                _code_alone(blocks, fields, thoughts)
                or (self._unquoted(answer, fields, thoughts) if not found else None)
                or Parsed(thoughts, failure=self._unreadable(found))
            )
        read = self._read(chosen, fields, thoughts)
        others = [f for f in self._speaking(found, fields) if f.content != chosen.content]
        return (
            replace(read, repairs=("the last whole answer of several", *read.repairs))
            if others
            else read
        )

    def matched(self, suggestion: Any, fields: Sequence[Field]) -> Parsed:
        """What a suggestion that was read already says about the fields.

        Args:
            suggestion: values by key.
            fields: what was asked for.
        """
        suggestion, mends = _paired(suggestion, [])
        if not isinstance(suggestion, Mapping):
            return Parsed(failure=self._no_object(suggestion))
        taken = Names(fields).sort(suggestion, mends)
        return Parsed(repairs=tuple(mends), **taken)

    def _choose(self, found: Sequence[Found], fields: Sequence[Field]) -> Found | None:
        """The last object that suggests something, one with an end before one without."""
        speaking = self._speaking(found, fields)
        return next((f for f in reversed(speaking) if f.whole), speaking[-1] if speaking else None)

    def _speaking(self, found: Sequence[Found], fields: Sequence[Field]) -> list[Found]:
        """The objects that suggest something."""
        speaking = [f for f in found if self.suggestion in f.content]
        if not speaking:
            # Without the key, an object counts by naming what was asked for, in quotes.
            names = Names(fields)
            speaking = [
                f
                for f in found
                if "a word without quotes" not in f.mends
                and (
                    _answer(self, f.content) == STOP
                    or any(map(names.find, f.content))
                    or names.find(_named(f.content) or "") is not None
                )
            ]
        return speaking

    def _read(self, found: Found, fields: Sequence[Field], thoughts: str) -> Parsed:
        content, mends = dict(found.content), list(found.mends)
        reasoning = "\n".join(
            filter(None, [thoughts, _words(content.pop(self.reasoning or "reasoning", ""))])
        )
        answer = _answer(self, content)
        content.pop(self.answer or "answer", None)
        given = content.get(self.suggestion, content)
        if self.suggestion not in content:
            mends.append(f'values without the key "{self.suggestion}"')
        if isinstance(given, str):
            given, mends = _unpacked(given, mends)
        given, mends = _paired(given, mends)
        if not isinstance(given, Mapping):
            stop = STOP in (given, answer)
            failure = None if stop else self._no_object(given)
            return Parsed(reasoning, answer, {}, tuple(mends), failure, stop=stop)
        taken = Names(fields).sort(given, mends)
        stop = not given and answer == STOP
        return Parsed(reasoning, answer, repairs=tuple(mends), stop=stop, **taken)

    def _unquoted(self, answer: str, fields: Sequence[Field], thoughts: str) -> Parsed | None:
        """What is read in the answer when it is freed of quotes, if that is anything."""
        inner = unquoted(answer)
        parsed = self.parse(inner[0], fields) if inner else None
        if inner is None or parsed is None or not (parsed.values or parsed.refused):
            return None
        reasoning = "\n".join(filter(None, [thoughts, parsed.reasoning]))
        return replace(parsed, reasoning=reasoning, repairs=(inner[1], *parsed.repairs))

    def _unreadable(self, found: Sequence[Found]) -> str:
        if found and not found[-1].whole:
            return "the answer was cut off before any value"
        if found:
            return f'the object in the answer has no key "{self.suggestion}"'
        return "the answer holds no JSON object that can be read"

    def _no_object(self, given: Any) -> str:
        if marked(given):
            return "the answer was cut off before any value"
        return f'"{self.suggestion}" must be an object of names and values'


def _answer(form: JSONFormat, content: Mapping[str, Any]) -> str:
    return _words(content.get(form.answer or "answer", "")).strip()


def _closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _nothing(thoughts: str, ended: bool) -> str:
    if not ended:
        return "the answer was cut off while thinking; think less and answer"
    return "there is nothing after the thoughts" if thoughts else "the answer is empty"


def _words(said: Any) -> str:
    if isinstance(said, str):
        return "" if marked(said) else said
    return dumps(said, ensure_ascii=False)


def _unpacked(given: str, mends: list[str]) -> tuple[Any, list[str]]:
    """An object that was written as a string into the object."""
    try:
        inner = loads(given, strict=False)
    except (ValueError, RecursionError):
        return given, mends
    return (
        (inner, [*mends, "an object inside a string"])
        if isinstance(inner, dict)
        else (given, mends)
    )


def _named(given: Any) -> str | None:
    """The name in an object of a name and a value."""
    is_pair = isinstance(given, Mapping) and given.keys() == {"name", "value"}
    return given["name"] if is_pair and isinstance(given["name"], str) else None


def _paired(given: Any, mends: list[str]) -> tuple[Any, list[str]]:
    """Objects of a name and a value each as one object."""
    parts = given if isinstance(given, list) else [given]
    names = [_named(part) for part in parts]
    if not parts or None in names or len(set(names)) < len(names):
        return given, mends
    told = "objects of a name and a value" if isinstance(given, list) else "a name and a value"
    values = {name: part["value"] for name, part in zip(names, parts, strict=True)}
    return values, [*mends, f"{told} in place of a key and a value"]


def _code_alone(blocks: Iterable[Block], fields: Sequence[Field], thoughts: str) -> Parsed | None:
    """A block of code without any JSON, where one function was asked for and this is it."""
    wanted = [f for f in fields if f.is_code and f.function]
    if len(wanted) != 1:
        return None
    field = wanted[0]
    defines = re.compile(rf"^(?:async\s+)?def\s+{re.escape(field.function or '')}\b", re.MULTILINE)
    found = [block for block in blocks if defines.search(block.text)]
    if not found:
        return None
    if not found[-1].whole:
        return Parsed(thoughts, refused={field.name: "the answer was cut off inside this value"})
    repairs = ("a block of code in place of JSON",)
    return Parsed(thoughts, values={field.name: found[-1].text.rstrip("\n")}, repairs=repairs)
