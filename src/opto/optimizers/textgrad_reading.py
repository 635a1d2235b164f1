"""What TextGrad reads in answers: wishes for values, and the text of a new value.

Whatever a model wrote, nothing here raises, nothing that was only thought of is taken, and
where it is not clear which tags enclose the value, there is none.

Source: SPEC 7.7 (the tag), 11.C17; issue 5, point 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import loads
from typing import TYPE_CHECKING, Any

from opto.formats import Field
from opto.formats.bars import BAR
from opto.formats.guard import freed
from opto.formats.names import Names
from opto.optimizers.reading import answer_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.llm import Reply

__all__ = [
    "GRADIENT",
    "IMPROVED",
    "Written",
    "is_nothing",
    "merged_in",
    "unwrapped_in",
    "wanted_in",
    "written_in",
]

IMPROVED = "IMPROVED_VARIABLE"
GRADIENT = "GRADIENT"

CUT_OFF = "the answer was cut off; think less and answer"
AMBIGUOUS = (
    f"it is not clear which <{IMPROVED}> is meant; write one only, with the tags on lines of "
    "their own, and the value between two lines of backticks if the tag occurs in it"
)

_THOUGHT = r"think|thinking|thought"
_TAG = re.compile(
    rf"<\s*(?P<close>/?)\s*(?:(?P<thought>{_THOUGHT})|(?P<value>IMPROVED[\s_-]?VARIABLE)\b[^<>]*)\s*>",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(r"</\s*IMPROVED[\s_-]?VARIABLE\s*\Z", re.IGNORECASE)
_GRADIENT = re.compile(
    r"<\s*GRADIENT\b(?P<attributes>[^<>]*)>(?P<text>.*?)(?=<\s*/?\s*GRADIENT\b|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_GRADIENT_TAG = re.compile(r"<\s*/?\s*GRADIENT\b[^<>]*>", re.IGNORECASE)
_NAME = re.compile(r"""\b(?:name|for|of)\s*=\s*(["']?)([^"'<>]*)\1""", re.IGNORECASE)
_NOTHING = re.compile(
    r"(?:there is |there's )?(?:no (?:further )?changes?(?: (?:is |are )?(?:needed|required|"
    r"necessary|wanted))?|nothing(?: to change)?|none|n/?a|terminate)",
    re.IGNORECASE,
)
_STAYS = re.compile(r"\W*no changes?(?: needed| required)?\W*", re.IGNORECASE)
_FENCED = re.compile(
    rf"\s*(?P<bar>{BAR})[ \t]*[\w+-]*[ \t]*\n"
    r"(?P<text>.*?)\n?[ \t]*(?P=bar)\s*",
    re.DOTALL,
)
_BLANK = " .\t\r\n\u2026"
"""What an answer that only repeats the form consists of."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an answer gives for one variable.

    Args:
        text: the new value; None where there is none to use.
        why: why not, for the model to read; None where the value is to stay as it is.
        repairs: each liberty that reading took.
    """

    text: str | None = None
    why: str | None = None
    repairs: tuple[str, ...] = ()


def is_nothing(text: str) -> bool:
    """Whether a text says that nothing is to change, and nothing else.

    Example:
        >>> is_nothing("**No change needed.**"), is_nothing("No change of the number; say more.")
        (True, False)
    """
    return _NOTHING.fullmatch(text.strip().strip("`\"'*_#()[].! \t\n").strip()) is not None


# -- wishes --------------------------------------------------------------------------------


def wanted_in(reply: Reply, names: Sequence[str]) -> Mapping[str, str] | None:
    """What an answer wants of the values that it was asked about; of some perhaps nothing.

    An answer without elements is about all of them.

    Args:
        reply: the answer.
        names: what was asked about.

    Returns:
        Texts by name; None if the answer says nothing.

    Example:
        >>> from opto.llm import Reply
        >>> said = "<GRADIENT name='a0'>Too small.</GRADIENT><GRADIENT name='b0'>NO CHANGE"
        >>> wanted_in(Reply(said), ["a0", "b0"])
        {'a0': 'Too small.'}
    """
    text, _ = _without_thoughts(answer_in(reply))
    found: dict[str, str] = {}
    elements = list(_GRADIENT.finditer(text))
    known = Names([Field(name, "") for name in names]) if elements else None
    for element in elements:
        named = _NAME.search(element["attributes"])
        name = known.find(named[2].strip()) if named and known else None
        if name is None and len(elements) == len(names):
            name = None if named and len(names) > 1 else names[elements.index(element)]
        said = element["text"].strip()
        if name is not None and said.strip(_BLANK):
            found[name] = "\n".join(filter(None, (found.get(name), said)))
    if not found:
        plain = _GRADIENT_TAG.sub("", text).strip()
        if not plain.strip(_BLANK):
            return None
        found = dict.fromkeys(names, plain)
    return {name: said for name, said in found.items() if not is_nothing(said)}


def merged_in(reply: Reply) -> str | None:
    """The one text that an answer makes of several wishes.

    Returns:
        Empty if nothing is wanted; None if the answer says nothing.
    """
    text, _ = _without_thoughts(answer_in(reply))
    text = _GRADIENT_TAG.sub("", text).strip()
    if not text.strip(_BLANK):
        return None
    return "" if is_nothing(text) else text


# -- a new value ---------------------------------------------------------------------------


def written_in(reply: Reply, *, is_code: bool = False) -> Written:
    r"""The new value that stands between tags in an answer.

    Args:
        reply: the answer.
        is_code: whether it is source.

    Example:
        >>> from opto.llm import Reply
        >>> written_in(Reply("<think>4?</think> So: <improved_variable>5</improved_variable>")).text
        '5'
        >>> written_in(Reply("<IMPROVED_VARIABLE>Be cl")).why
        'the answer was cut off; think less and answer'
    """
    text = answer_in(reply)
    if not text.strip():
        return Written(why="the answer is empty")
    spans, why = _values(text)
    if why is not None:
        return Written(why=why)
    if not spans:
        rest, unfinished = _without_thoughts(text)
        if unfinished or reply.finish_reason == "length":
            return Written(why=CUT_OFF)
        if is_nothing(rest):
            return Written()
        return Written(why=f"the answer holds no <{IMPROVED}>")
    start, end = spans[-1]
    repairs = ["the last of several values"] if len(spans) > 1 else []
    return _freed(text[start:end], repairs, is_code=is_code)


def unwrapped_in(text: str, name: str, present: Any) -> tuple[Any, tuple[str, ...]]:
    """The value without what was put round it: quotes, or an object of name and value.

    The object is what the first version of the original asked for.

    Args:
        text: what stands between the tags.
        name: the variable.
        present: its present value; what could be a part of such a value stays.

    Example:
        >>> unwrapped_in('{"name": "x0", "value": 5}', "x0", 3)
        (5, ('an object of name and value',))
    """
    is_object = isinstance(present, str) and present.lstrip().startswith("{")
    is_plain = isinstance(present, str | int | float | list | tuple) and not is_object
    if text.startswith('"') and isinstance(present, str) and not present.startswith('"'):
        read = _json(text)
        if isinstance(read, str):
            return read, ("quotes round the value",)
    if text.startswith("{") and is_plain:
        read = _json(text)
        if isinstance(read, dict) and read.keys() <= {"name", "value"} and "value" in read:
            known = Names([Field(name, "")])
            if known.find(str(read.get("name", name))) is not None:
                return read["value"], ("an object of name and value",)
    return text, ()


def _json(text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _freed(inside: str, repairs: list[str], *, is_code: bool) -> Written:
    fence = _FENCED.fullmatch(inside)
    if fence and fence["bar"] not in fence["text"]:
        value, more = fence["text"], ["a fence round the value"]
    else:
        value, more = freed(inside, (IMPROVED,), is_code=is_code)
    if not value.strip(_BLANK):
        return Written(why="the value is empty")
    if _STAYS.fullmatch(value):  # "none" may be a value
        return Written(repairs=tuple(repairs))
    return Written(value, None, (*repairs, *more))


def _values(text: str) -> tuple[list[tuple[int, int]], str | None]:
    """Where the values stand that are no thoughts; or why that cannot be told."""
    tags = list(_TAG.finditer(text))
    closing = _balanced(tags)
    spans: list[tuple[int, int]] = []
    skipped: list[re.Match[str]] = []
    at = 0
    while at < len(tags):
        tag = tags[at]
        if tag["thought"] and tag["close"]:
            spans, skipped = [], []  # all up to here was thought of
        elif tag["thought"]:
            end = next((i for i in range(at, len(tags)) if _ends_thought(tags[i])), None)
            if end is None:
                return [], CUT_OFF
            at = end
        elif tag["value"] and at in closing:
            spans.append((tag.end(), tags[closing[at]].start()))
            at = closing[at]
        else:
            skipped.append(tag)
        at += 1
    return _sure(text, spans, skipped)


def _sure(
    text: str, spans: list[tuple[int, int]], skipped: list[re.Match[str]]
) -> tuple[list[tuple[int, int]], str | None]:
    """The values, if tags that are none of theirs leave no doubt about them."""
    last = spans[-1][1] if spans else -1
    after = [tag for tag in skipped if tag.start() > last]
    if after and not after[-1]["close"]:
        unfinished = _UNFINISHED.search(text, after[-1].end())
        if unfinished is None or len(after) > 1:
            return [], CUT_OFF
        return [*spans, (after[-1].end(), unfinished.start())], None
    if after:
        return [], AMBIGUOUS
    # A tag that is spoken of before the value stands within a line.
    if any(_begins_line(text, tag) for tag in skipped):
        return [], AMBIGUOUS
    return spans, None


def _ends_thought(tag: re.Match[str]) -> bool:
    return bool(tag["thought"] and tag["close"])


def _begins_line(text: str, tag: re.Match[str]) -> bool:
    return not text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()].strip()


def _balanced(tags: list[re.Match[str]]) -> dict[int, int]:
    """By opening tag of a value, the one that closes it; both as numbers in `tags`."""
    pairs, still_open = {}, []
    for number, tag in enumerate(tags):
        if not tag["value"]:
            continue
        if not tag["close"]:
            still_open.append(number)
        elif still_open:
            pairs[still_open.pop()] = number
    return pairs


def _without_thoughts(text: str) -> tuple[str, bool]:
    """A text without thoughts, and whether they have no end."""
    kept: list[str] = []
    start, thinking = 0, False
    for tag in _TAG.finditer(text):
        if not tag["thought"]:
            continue
        if tag["close"]:
            if not thinking:
                kept = []  # the chat template wrote the opening tag
            start, thinking = tag.end(), False
        elif not thinking:
            kept.append(text[start : tag.start()])
            thinking = True
    return "".join(kept if thinking else [*kept, text[start:]]), thinking
