r"""Data in a prompt, kept in its place whatever it says.

A text on one line stands behind something of ours and cannot begin a line. Any other stands
between two lines of backticks. Where it holds backticks itself, or what looks like a part of
the prompt, these two lines end in a code that is made of the text's own digest: nobody can
write a text that holds it. It is the same for the same text, so that equal questions stay
equal, and are not asked and paid for twice.

Source: SPEC 11.C11, C20; issue 5, point 1; issue 6, point 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from opto.formats import visible
from opto.formats.bars import CODE
from opto.llm.redact import cleaned
from opto.prompts import prompt

__all__ = [
    "HOUSE",
    "Marks",
    "alone",
    "explained",
    "fenced",
    "indented",
    "line_of",
    "marks",
    "moved_in",
    "within",
]

# Titles in prompts of the house; a test compares them with the prompts.
_TITLES = (
    *("asked", "code", "constraints", "documentation", "examples", "feedback", "inputs"),
    *("instruction", "operations", "others", "outputs", "purpose", "result", "solution", "steps"),
    *("value", "values", "variable", "variables", "wanted of it", "wanted of the result"),
    *("demanded of its value", "its values so far", "problem context"),
)
# What other parts of prompts begin with.
_PARTS = (
    "An answer was",
    "Answer as",
    "Candidate ",
    "Give new values",
    "Some data below",
    "These answers",
    "These candidates",
    "Values that were",
    "You have answered",
    "Your answer",
)
_RUNS = re.compile("```|~~~")
_ESCAPED = re.compile(r"&(?:lt|gt);")
_TAGGED = re.compile(rf"^```{CODE}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marks:
    """What in a text looks like a part of a prompt.

    Args:
        signs: fences, titles, tags, and lines that begin with words of ours.
        words: such words.
    """

    signs: re.Pattern[str]
    words: tuple[str, ...]

    def found(self, text: str) -> bool:
        """Whether there is something of that kind in a text."""
        return self.signs.search(text) is not None or text.startswith(self.words)

    def begins(self, line: str) -> bool:
        """Whether a line begins with something of that kind."""
        return line.startswith(self.words) or self.signs.match(line) is not None


@lru_cache(maxsize=64)
def marks(titles: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> Marks:
    """What in a text looks like a part of a prompt.

    Args:
        titles: titles of the user's, beside those of the house.
        tags: tags that mean something in the prompt.
    """
    named = (*_TITLES, *(title.lstrip("#").strip() for title in titles if title[:1] == "#"))
    own = "|".join(re.escape(name) for name in dict.fromkeys(named) if name)
    # Each begins with one character, which `re` finds fast; a run of hashes is begun once, and
    # no two stars can share a blank, so that no text takes more than linear time.
    patterns = [
        *("```", "~~~", r"<!\[CDATA\["),
        rf"#(?<!##)#*[ \t]*(?i:{own})[ \t:]*(?=\r?\n|\Z)",
    ]
    if tags:
        patterns.append(rf"<(?:/?\s*(?i:{'|'.join(map(re.escape, tags))}))\b")
    parts = (*_PARTS, *(title for title in titles if title and title[:1] != "#"))
    patterns.append(rf"\n(?:{'|'.join(map(re.escape, parts))})")
    return Marks(re.compile("|".join(patterns)), parts)


HOUSE = marks()
"""The same for prompts without tags, and with no titles but those of the house."""


def fenced(text: str, language: str = "", own: Marks = HOUSE) -> str:
    r"""`text` on lines of its own between two that are equal, but for the language.

    Args:
        text: any text.
        language: what the first line says of it, where the lines are plain.
        own: what looks like a part of the prompt.

    Example:
        >>> print(fenced("two\nlines"))
        ```
        two
        lines
        ```
        >>> print(fenced("#Feedback\nfine"))
        ```fb2c133d
        #Feedback
        fine
        ```fb2c133d
    """
    return _between(visible(text), language, own)


def _between(text: str, language: str, own: Marks) -> str:
    if not own.found(text):
        return f"```{language}\n{text}\n```"
    bar = f"```{_code(text)}"
    return f"{bar}\n{text}\n{bar}"


def _code(text: str) -> str:
    """Eight digits that do not stand in a text and cannot be told without all of it."""
    from hashlib import sha256  # lazy: few prompts need it

    # Without secrets: nobody shall be able to try out whether they guessed one.
    clean = cleaned(text)
    for attempt in count():
        code = sha256(f"{attempt}\n{clean}".encode()).hexdigest()[:8]
        if code not in text:
            break
    return code


def line_of(text: str, own: Marks = HOUSE) -> str:
    """`text` as it is if it is plain on one line, otherwise fenced on lines of its own.

    Example:
        >>> print(line_of("one"), line_of(" two "))
        one
        ```
         two
        ```
    """
    text = visible(text)
    plain = "\n" not in text and text == text.strip() and _RUNS.search(text) is None
    return text if plain else "\n" + _between(text, "", own)


def alone(text: str, own: Marks = HOUSE) -> str:
    """`text` where it begins a line: fenced too if it would look like a title or a tag.

    Example:
        >>> print(alone("one"), alone("#1 is wrong"))
        one ```
        #1 is wrong
        ```
    """
    if text[:1] == "#" or own.begins(text):
        return fenced(text, "", own)
    return line_of(text, own).removeprefix("\n")


def within(text: str, own: Marks, language: str = "") -> str:
    """`text` on lines of its own in an element: as it is where it can be.

    Args:
        text: any text.
        own: what looks like a part of the prompt, its tags included.
        language: as in `fenced`.
    """
    text = visible(text)
    if text == text.strip() and not _ESCAPED.search(text) and not own.found(text):
        return text
    return _between(text, language, own)


def indented(text: str) -> str:
    """`text` with all lines but the first moved in, so that none of them is a title."""
    if text.isprintable():  # then it is one line
        return text
    first, *rest = visible(text).splitlines() or [""]
    return "\n".join([first, *(f"    {line}".rstrip() for line in rest)])


def moved_in(text: str, own: Marks = HOUSE) -> str:
    """What the user asks for, which is no data: moved in if a line looks like a title or a tag."""
    lines = visible(text).splitlines()
    if any(line.lstrip()[:1] == "#" or own.begins(line.lstrip()) for line in lines):
        return "\n".join(f"    {line}".rstrip() for line in lines)
    return visible(text)


def explained(words: str, before: str = "") -> str:
    """A question, or a part of one, and before it what lines with a code mean, if it has some.

    Args:
        words: the question, or what is added to it.
        before: the question that it is added to, which may have said so.
    """
    found = _TAGGED.search(words) if "```" in words else None
    if found is None or _TAGGED.search(before):
        return words
    return f"{prompt('fence').fill(line=found[0])}\n\n{words}"
