"""Thoughts that models mark in ways of their own, as they begin an answer.

The marks of OpenAI's open models (channels), of Mistral, Kimi, Cohere, OpenThinker and Seed,
and the tags that prompts found on the way ask for. ``<think>`` and its like, which may stand
anywhere, are told by whoever reads the answer.
"""

from __future__ import annotations

import re

__all__ = ["plainly_marked"]

_PAIRS = (
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    *(
        (rf"<{name}>", rf"</{name}>")
        for name in ("seed:think", "thoughts", "analysis", "reflection", "scratchpad")
    ),
)
# What all of these, and channels, begin with.
_BEGINNINGS = ("<", "[", "◁")
_OPENING = tuple(re.compile(rf"\s*{opening}", re.IGNORECASE) for opening, _ in _PAIRS)
_CLOSING = tuple(re.compile(closing, re.IGNORECASE) for _, closing in _PAIRS)
_CHANNEL = re.compile(r"\s*(?:<\|start\|>assistant)?<\|channel\|>[^<]*<\|message\|>")
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*<\|message\|>")
_END = re.compile(r"<\|(?:end|return)\|>\s*\Z")
_RESPONSE = re.compile(
    r"\s*<\|(?:begin_of_solution|START_RESPONSE)\|>(.*?)"
    r"(?:<\|(?:end_of_solution|END_RESPONSE)\|>\s*)?\Z",
    re.DOTALL,
)


def plainly_marked(text: str) -> str:
    """An answer whose first thoughts stand in ``<think>``, however the model has marked them.

    Only what begins an answer is looked at: further on, such a mark may be a part of a value.

    Example:
        >>> plainly_marked("[THINK]Hm.[/THINK]5"), plainly_marked("5 [THINK]")
        ('<think>Hm.</think>5', '5 [THINK]')
        >>> plainly_marked("<|channel|>analysis<|message|>Hm. 4?")
        '<think>Hm. 4?'
    """
    if text.lstrip()[:1] not in _BEGINNINGS:
        return text
    channel = _CHANNEL.match(text)
    if channel:
        final = _FINAL.search(text)
        if final is None:
            return _thought(text[channel.end() :], None)
        answer = _END.sub("", text[final.end() :])
        return answer if final.end() == channel.end() else _thought(text[: final.start()], answer)
    for opening, closing in zip(_OPENING, _CLOSING, strict=True):
        found = opening.match(text)
        if found is None:
            continue
        end = closing.search(text, found.end())
        if end is None:
            return _thought(text[found.end() :], None)
        rest = text[end.end() :]
        response = _RESPONSE.match(rest)
        return _thought(text[found.end() : end.start()], response[1] if response else rest)
    return text


def _thought(said: str, answer: str | None) -> str:
    # Nothing in the thought may end it.
    thought = "<think>" + said.replace("</", "< /")
    return thought if answer is None else f"{thought}</think>{answer}"
