"""A reader of prompts who knows what the prompts say of themselves, and nothing else."""

import re

OPENING = re.compile(r"```(?P<code>[0-9a-f]{8})?(?:python)?")
VALUE = re.compile(r"\((?P<kind>[^)]*)\) (?P<name>.+?)(?P<sign>=|:$)(?P<text>.*)")
ELEMENT = re.compile(r'<(?P<tag>[a-z]+) name="(?P<name>[^"]*)"(?: type="[^"]*")?>')


def outside(text):
    """The lines that stand in no fence; in the place of a fence, what stands in it.

    A reader may take for the end of a line whatever anybody takes for one.
    """
    lines, inside, end = [], [], None
    for line in text.splitlines():
        if end is not None and line == end:
            lines.append(tuple(inside))
            end = None
        elif end is not None:
            inside.append(line)
        elif line.startswith(("```", "~~~")):
            opening = OPENING.fullmatch(line)
            assert opening, f"a line of backticks that opens nothing: {line!r}"
            inside, end = [], f"```{opening['code'] or ''}"
        else:
            lines.append(line)
    assert end is None, f"no end: {end}"
    return lines


def titled(text, titles):
    """The sections: pairs of a title and its lines, the first without a title."""
    found = [(None, [])]
    for line in outside(text):
        if line in titles:
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def values(lines):
    """The values of a section of lines, as (name, text)."""
    found = []
    for line in lines:
        if isinstance(line, tuple):
            assert found[-1][1] == ""
            found[-1] = (found[-1][0], line)
        elif line:
            match = VALUE.fullmatch(line)
            assert match, line
            found.append((match["name"], match["text"]))
    return found


def elements(lines, tag, value="value", constraint="constraint"):
    """The elements of a section of tags, as (name, lines of the value)."""
    found, place = [], None
    for line in lines:
        opening = ELEMENT.fullmatch(line) if isinstance(line, str) else None
        if place is None and opening:
            assert opening["tag"] == tag
            found.append((opening["name"], []))
            place = "element"
        elif place == "element" and line == f"</{tag}>":
            place = None
        elif place == "element":
            assert line in (f"<{value}>", f"<{constraint}>"), line
            place = line
        elif place is not None:
            if line == f"</{place[1:]}":
                place = "element"
            elif place == f"<{value}>":
                found[-1][1].append(line)
        else:
            assert line == "", line
    assert place is None
    return found
