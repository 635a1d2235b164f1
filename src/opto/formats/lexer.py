"""Reading an object that is almost JSON, token by token, into one that is.

Only what has one meaning is put right here: other quotes, raw line ends, trailing
commas, comments, Python's words, doubled braces, missing brackets at the end. Each
mend has a name. What was cut off, or has no certain end, is marked, so that half a
value is never taken for a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CUT", "DEPTH", "UNSURE", "Normal", "marked", "normal_object"]

# Characters of the private use area, so that no answer holds them by itself.
CUT = "\ue000cut\ue001"
UNSURE = "\ue000unsure\ue001"

DEPTH = 100
"""More open brackets than that are no answer, and would need a deep recursion to read."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
      | (?P<quote>\"{3}|'{3}|["'`])
      | (?P<mark>[{}\[\](),:])
      | (?P<word>[^\s{}\[\](),:"'`]+)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": "true", "false": "false", "null": "null"}
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_CLOSING = {"{": "}", "[": "]", "(": "]"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", **{c: c for c in "\\/\"'`"}}

# What may follow the quote that ends a key, or a value in an object or an array. Where
# something else follows, the quote is one that the model forgot to escape.
_AFTER_KEY = re.compile(r"\s*(?::|$)")
_AFTER_VALUE = re.compile(
    r"""\s* (?: $ | [}\])] | // | \# | (?P<q>["'])[^"'\n]*(?P=q)\s*:
      | , \s* (?: $ | ["'`}\]{\[(/\#\d.-] | [A-Za-z_]\w*\s*: | true | false | null
                | True | False | None ))""",
    re.VERBOSE,
)

_NEXT_QUOTE = re.compile(r"""\s*["'`]""")


@dataclass(frozen=True, slots=True)
class Normal:
    """An object in JSON, made from text that was almost JSON.

    Args:
        tokens: the tokens of JSON, if brackets and commas stand where they belong.
        end: where the object ends in the text that was read.
        closed: whether its last bracket was there.
        mends: what was put right, in words.
    """

    tokens: tuple[str, ...]
    end: int
    closed: bool
    mends: tuple[str, ...]

    @property
    def text(self) -> str:
        """The tokens as one text."""
        return " ".join(self.tokens)


def normal_object(text: str, start: int) -> Normal | None:
    r"""The object that begins at `start`, or None if it nests too deeply to be an answer.

    Args:
        text: what the model wrote.
        start: the place of a ``{``.

    Example:
        >>> normal_object("so: {'a': True, b: 'it's',} ok", 4).text
        '{ "a" : true , "b" : "it\'s" }'
        >>> normal_object('{"a": 1, "b": "half', 0).text.replace(dumps(CUT)[1:-1], "~")
        '{ "a" : 1 , "b" : "half~" , "~" : "~" }'
    """
    lexer = _Lexer(text, start)
    if not lexer.run():
        return None
    closed = not lexer.open
    if not closed:
        lexer.finish()
    return Normal(tuple(lexer.out), lexer.at, closed, tuple(lexer.mends))


def marked(value: Any) -> str | None:
    """Why a value that was read so is not to be used, or None where it is.

    Example:
        >>> marked([1, CUT])
        'the answer was cut off inside this value'
    """
    for text in filter(lambda part: isinstance(part, str), parts(value)):
        if CUT in text:
            return "the answer was cut off inside this value"
        if UNSURE in text:
            return "it is not certain where this text ends: quotes inside it must be escaped"
    return None


def parts(value: Any) -> Iterator[Any]:
    """`value` and all keys and members in it, without recursion.

    Example:
        >>> list(parts({"a": [1]}))
        [{'a': [1]}, [1], 1, 'a']
    """
    left = [value]
    while left:
        part = left.pop()
        yield part
        if isinstance(part, dict):
            left += [*part, *part.values()]
        elif isinstance(part, list):
            left += part


class _Lexer:
    """One pass over the text of one object."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.doubled = text.startswith("{{", start)
        self.out: list[str] = []  # what was read, as tokens of JSON
        self.open: list[str] = []  # the brackets that are to come
        self.mends: dict[str, None] = {"doubled braces": None} if self.doubled else {}

    def mend(self, what: str) -> None:
        self.mends[what] = None

    def run(self) -> bool:
        """Read to the end of the object or of the text; False if it nests too deeply."""
        while self.at < len(self.text):
            found = _TOKEN.match(self.text, self.at)
            if found is None:  # it matches at every character
                return False
            self.at = found.end()
            self.take(found.lastgroup, found.group())
            if not self.open:
                return True
            if len(self.open) > DEPTH:
                return False
        return True

    def take(self, kind: str | None, token: str) -> None:
        if kind == "mark":
            self.mark(token)
        elif kind == "quote":
            self.quote(token)
        elif kind == "word":
            self.word(token)
        elif kind == "comment":
            self.mend("a comment")

    def mark(self, mark: str) -> None:
        if self.doubled and mark in "{}" and self.text.startswith(mark, self.at):
            self.at += 1
        if mark in _CLOSING:
            self.open.append(_CLOSING[mark])
            self.out.append("[" if mark == "(" else mark)
        elif mark in "}])":
            self.close("]" if mark == ")" else mark)
        else:
            self.out.append(mark)
        if mark == "(":
            self.mend("a tuple for a list")

    def close(self, mark: str) -> None:
        if mark not in self.open:
            self.mend("a bracket too many")
            return
        if self.out[-1] == ",":
            self.out.pop()
            self.mend("a trailing comma")
        # Where a bracket was forgotten, this one closes what it belongs to.
        while (closed := self.open.pop()) != mark:
            self.out.append(closed)
            self.mend("a missing bracket")
        self.out.append(mark)

    def word(self, word: str) -> None:
        if self.at == len(self.text) and not self.in_key():
            self.out.append(dumps(CUT))  # it may have been going on: 1 of 12
        elif word in _WORDS or _NUMBER.fullmatch(word):
            self.out.append(word)
        elif word in _PYTHON:
            self.out.append(_PYTHON[word])
            self.mend("Python's words for JSON's")
        else:
            self.out.append(dumps(word))
            self.mend("a word without quotes")

    def in_key(self) -> bool:
        """Whether what comes next is the key of an object."""
        return self.open[-1] == "}" and self.out[-1] in {"{", ","}

    def quote(self, quote: str) -> None:
        if quote != '"':
            self.mend("other quotes than JSON's")
        if self.open[-1] == "}" and self.out[-1] not in {"{", ",", ":"}:
            self.out.append(",")
            self.mend("a missing comma")
        after = _AFTER_KEY if self.in_key() else _AFTER_VALUE
        self.out.append(dumps(self.string(quote, after)))

    def string(self, quote: str, after: re.Pattern[str]) -> str:
        """The string that begins here, marked where its end is missing or not certain."""
        parts: list[str] = []
        stray, at, unsure = 0, self.at, False
        for found in _stop(quote).finditer(self.text, at):
            parts.append(self.raw(at, found.start()))
            at = found.end()
            if found["escape"]:
                parts.append(self.escape(found["escape"]))
            elif after.match(self.text, at):
                self.at = at
                # An odd one out, or two in a row: the string may have ended there.
                return _joined(parts) + (UNSURE if unsure or stray % 2 else "")
            else:
                self.mend("quotes inside a string")
                parts.append(quote)
                unsure |= bool(_NEXT_QUOTE.match(self.text, at))
                stray += not (quote == "'" and self.is_apostrophe(found.start()))
        parts.append(self.raw(at, len(self.text)))
        self.at = len(self.text)
        return _joined(parts) + CUT

    def raw(self, start: int, end: int) -> str:
        part = self.text[start:end]
        if "\n" in part or "\r" in part:
            self.mend("line ends inside a string")
        return part

    def escape(self, code: str) -> str:
        if code in _ESCAPES:
            return _ESCAPES[code]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        self.mend("a backslash that was not escaped")
        return "\\" + code

    def is_apostrophe(self, at: int) -> bool:
        return self.text[at - 1 : at].isalpha() and self.text[at + 1 : at + 2].isalpha()

    def finish(self) -> None:
        """Close what is open, with a mark in the innermost, which may have been going on."""
        self.mend("missing brackets at the end")
        last, cut = self.out[-1], dumps(CUT)
        if self.open[-1] == "]":
            self.out += [cut] if last in {"[", ","} else [",", cut]
        elif last == ":":
            self.out.append(cut)
        elif last in {"{", ","}:
            self.out += [cut, ":", cut]
        elif last.startswith('"') and self.out[-2] in {"{", ","}:  # a key without a value
            self.out += [":", cut]
        else:
            self.out += [",", cut, ":", cut]
        self.out += reversed(self.open)


def _stop(quote: str) -> re.Pattern[str]:
    """What ends a run of plain text in a string: an escape, or perhaps the quote."""
    hexes = r"u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}"
    return re.compile(rf"(?P<quote>{quote})|\\(?P<escape>{hexes}|.)", re.DOTALL)


def _joined(parts: list[str]) -> str:
    text = "".join(parts)
    # Two escapes of a pair are one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
