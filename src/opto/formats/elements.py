"""Finding, in what a model wrote, the elements that hold a name and a value.

No parser of XML: values are any text, with ``<`` and even with the tags themselves in it.
Where a value ends is decided by what balances and by what follows.

Source: SPEC 7.5, 11.C17, 12 A.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from opto.formats.bars import CODE, RUN

__all__ = ["Element", "Elements"]

CUT_OFF = "the answer was cut off inside this value"
OPEN = "a missing closing tag"

MOST = 200
"""Tags in one value above which it is not asked whether they balance."""


@dataclass(frozen=True, slots=True)
class Element:
    """A name and a value.

    Args:
        name: as it was written; empty where there is none.
        value: all between the tags of the value, or what a fence holds.
        start: where it begins in the text.
        end: where it ends.
        exact: whether a fence says what the value is, to the last space.
        mends: what was put right to read it, in words.
        why: why the value is not to be used; None where it is.
    """

    name: str
    value: str
    start: int
    end: int
    exact: bool = False
    mends: tuple[str, ...] = ()
    why: str | None = None


class Elements:
    """The elements of one set of tags.

    Args:
        variable: the tag of the whole.
        name: the tag of the name.
        value: the tag of the value.
    """

    def __init__(self, variable: str, name: str, value: str) -> None:
        v, n, d = map(re.escape, (variable, name, value))
        flags = re.IGNORECASE | re.DOTALL
        # Small elements beside the value: the name, or what nobody asked for, such as a type.
        beside = rf"(?:\s*<(?!(?:{v}|{d})\b)(?P<{{0}}>[\w.-]+)[^<>]*>[^<>]*</(?P={{0}})\s*>)"
        after = rf"{beside.format('t')}*\s*</{v}\s*>"
        self.opening = re.compile(rf"<{v}\b(?P<attributes>[^<>]*)>", flags)
        self.head = re.compile(
            rf"(?P<beside>{beside.format('h')}*)\s*(?P<value><{d}\b[^<>]*>)?", flags
        )
        self.name = re.compile(rf"<{n}\b[^<>]*>(.*?)</{n}\s*>", flags)
        self.attribute = re.compile(rf"\b(?:name|{n})\s*=\s*(?P<q>[\"']?)([^\"'<>]*)(?P=q)", flags)
        self.value_tag = re.compile(rf"<(?P<close>/?){d}\b[^<>]*>", flags)
        self.variable_tag = re.compile(rf"<(?P<close>/?){v}\b[^<>]*>", flags)
        self.after = re.compile(after, flags)
        bar = rf"(?P<bar>{RUN})(?P<code>{CODE}(?=[ \t]*\n))?"
        self.guard = re.compile(rf"\s*(?:{bar}[^\n`]*\n|<!\[CDATA\[)", flags)
        self.two = re.compile(rf"\A(?:(?!<{d}\b).)*</{d}\s*>\s*<{d}\b", flags)
        self.value_end = re.compile(rf"\s*</{d}\s*>", flags)
        ends = rf"\s*(?:\Z|`{{3,}}|~{{3,}}|<{v}\b[^<>]*>\s*<)"
        # Where tags do not balance, what follows tells which of them ends the value.
        self.end = re.compile(
            rf"(?P<both></{d}\s*>(?={after}))|(?P<value></{d}\s*>)(?={ends})"
            rf"|(?P<variable></{v}\s*>)(?={ends})|(?P<next>^[ \t]*(?=<{v}\b[^<>]*>\s*<{n}\b))",
            flags | re.MULTILINE,
        )
        self.part_of_tag = re.compile(rf"\s*<?[^<>]*\Z|\s*<(?:{n})\b[^<>]*>[^<>]*(?:<[^<>]*)?\Z")

    def at(self, text: str, start: int) -> Element | None:
        """The element whose opening tag stands at `start`; None if it is only spoken of."""
        opening = self.opening.match(text, start)
        if opening is None:
            return None
        head = self.head.match(text, opening.end())
        if head is None:  # it matches at every character
            return None
        names = self.name.search(head["beside"])
        attribute = self.attribute.search(opening["attributes"])
        name = names[1].strip() if names else attribute[2].strip() if attribute else ""
        mends = ("the name as an attribute",) if attribute and not names else ()
        if head["value"] is None:
            return self._without_value(text, start, head.end(), name, mends)
        found = self._guarded(text, head.end()) or self._plain(text, head.end())
        tail = self.after.match(text, found.end)
        if tail:
            names = self.name.search(tail[0])
            name = name or (names[1].strip() if names else "")
            found = replace(found, end=tail.end())
        elif found.why is None and OPEN not in found.mends:
            found = replace(found, mends=(*found.mends, OPEN))
        return replace(found, name=name, start=start, mends=(*mends, *found.mends))

    def _without_value(
        self, text: str, start: int, at: int, name: str, mends: tuple[str, ...]
    ) -> Element | None:
        if self.part_of_tag.match(text, at) and (name or text[at:].lstrip().startswith("<")):
            return Element(name, "", start, len(text), mends=mends, why=CUT_OFF)
        end = self.variable_tag.search(text, at)
        if not name or end is None or not end["close"] or text.startswith("<", at):
            return None
        mends = (*mends, "a value without a tag of its own")
        return Element(name, text[at : end.start()], start, end.end(), mends=mends)

    def _guarded(self, text: str, start: int) -> Element | None:
        """The value that begins at `start`, if a fence or its like says where it ends."""
        opening = self.guard.match(text, start)
        if opening is None:
            return None
        found = self._closing(text, opening)
        if found is None:
            # Half a fence: whatever seems to end the value may stand in it.
            return replace(self._plain(text, start), why=CUT_OFF)
        if found["close"] is None:  # a fence within the value, which goes on
            plain = self._plain(text, found.end())
            return replace(plain, value=text[start : found.end()] + plain.value)
        value = text[opening.end() : max(opening.end(), found.start())]
        mends = () if opening["bar"] else ("a CDATA section",)
        return Element("", value, start, found.end(), exact=True, mends=mends)

    def _closing(self, text: str, opening: re.Match[str]) -> re.Match[str] | None:
        """The end of a fence or its like, with the tag behind it if that is there."""
        bars = [r"\]\]>"]
        if opening["bar"]:
            codes = dict.fromkeys((opening["code"] or "", ""))
            bars = [rf"\n[ \t]*{opening['bar']}{code}[ \t]*(?=\s|<|\Z)" for code in codes]
        for bar in bars:
            closing = re.compile(rf"{bar}(?P<close>{self.value_end.pattern})?", re.IGNORECASE)
            # From the line end of the opening fence on: there may be nothing in it.
            found = closing.search(text, opening.end() - 1)
            if found is not None:
                return found
        return None

    def _plain(self, text: str, start: int) -> Element:
        """The value that begins at `start`, as far as its tags or what follows them tell."""
        balanced = self._balanced(text, start)
        if balanced is not None:
            return Element("", text[start : balanced[0]], start, balanced[1])
        found = self.end.search(text, start)
        if found is None:
            return Element("", text[start:], start, len(text), why=CUT_OFF)
        value = text[start : found.start()]
        why = "there are two values for it" if self.two.search(value) else None
        mend = OPEN if found["both"] is None else "a tag inside a value"
        return Element("", value, start, found.end(), mends=(mend,), why=why)

    def _balanced(self, text: str, start: int) -> tuple[int, int] | None:
        """Its closing tag, if the tags of the value balance and its element ends there."""
        depth = 1
        for count, tag in enumerate(self.value_tag.finditer(text, start)):
            depth += -1 if tag["close"] else 1
            if depth == 0:
                nested = self._nests(text, start, tag.start())
                return tag.span() if nested and self.after.match(text, tag.end()) else None
            if count > MOST:
                return None
        return None

    def _nests(self, text: str, start: int, end: int) -> bool:
        depth = 0
        for count, tag in enumerate(self.variable_tag.finditer(text, start, end)):
            depth += -1 if tag["close"] else 1
            if depth < 0 or count > MOST:
                return False
        return depth == 0
