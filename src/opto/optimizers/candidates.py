"""Several answers to one problem: the ways to get answers that differ.

Source: SPEC 7.4; self-refinement is that of Madaan et al. (arXiv 2303.17651).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from json import JSONDecodeError, loads
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.formats.scan import without_thoughts
from opto.llm import Request
from opto.optimizers.fences import explained, fenced, line_of
from opto.optimizers.plan import read_in
from opto.optimizers.reading import answer_in
from opto.optimizers.render import cut, safe_text
from opto.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.llm import Reply
    from opto.optimizers.drive import Plan
    from opto.optimizers.plan import Asking
    from opto.optimizers.proposal import Proposal

__all__ = ["GENERATING", "SHOWING", "Drafting", "beside", "experts_in", "in_budget"]

# Characters of a candidate's reasoning, of an answer that could not be read, and of what an
# expert is called, that others are shown.
REASONING, UNREAD, EXPERT = 600, 2000, 200
# The same where the budget is small; values are always shown whole.
LIMITS = (UNREAD, REASONING, 200, 60, 0)

SHOWING = frozenset({"self_refinement", "iterative_alternatives", "multi_experts"})
"""The ways whose questions are longer than the first."""

ALONE = "asked as the first was: token_budget leaves no room for answers before it, or an expert"

_LISTED = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,3}[.):])\s+(?P<said>.*\S)\s*$")


@dataclass(frozen=True, slots=True)
class Drafting:
    """How candidates are asked for.

    Args:
        asking: the question, with a temperature, and perhaps a model, for each candidate.
        read: from the text of an answer to a proposal.
        experts: who shall answer, where that was said.
    """

    asking: Asking
    read: Callable[[str], Proposal]
    experts: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many candidates there shall be."""
        return len(self.asking.temperatures)


def _at_once(drafting: Drafting, more: Sequence[str] = ()) -> Plan[tuple[Proposal, ...]]:
    """All candidates in one round, each perhaps with further words in its question."""
    asking = drafting.asking
    words: list[str | None] = [asking.user] * drafting.count
    if more:
        longer = (f"{asking.user}\n\n{explained(text, asking.user)}" for text in more)
        words = [asking.within(partial(_as_it_is, text), (0,)) for text in longer]
    replies = yield tuple(
        asking.request(text or asking.user, draft) for draft, text in enumerate(words)
    )
    return tuple(
        _noted(read_in(reply, drafting.read), text is None)
        for reply, text in zip(replies, words, strict=True)
    )


def _in_turn(drafting: Drafting, *, name: str, last: int) -> Plan[tuple[Proposal, ...]]:
    """One candidate after the other, each in the knowledge of the `last` before it, 0 for all."""
    asking = drafting.asking
    found: list[Proposal] = []
    for draft in range(drafting.count):
        words = in_budget(asking, name, found[-last:]) if found else asking.user
        (reply,) = yield (asking.request(words or asking.user, draft),)
        found.append(_noted(read_in(reply, drafting.read), words is None))
    return tuple(found)


def _as_it_is(words: str, _limit: int) -> str:
    return words


def _noted(proposal: Proposal, alone: bool) -> Proposal:
    return replace(proposal, repairs=(*proposal.repairs, ALONE)) if alone else proposal


def in_budget(
    asking: Asking, name: str, proposals: Sequence[Proposal], least: int = 1
) -> str | None:
    """As `beside`, within the budget of the questions: with fewer words, and without the oldest.

    Args:
        asking: how the question is put.
        name: as in `beside`.
        proposals: as there.
        least: how many of them there have to be.

    Returns:
        None where there is no room for as many.
    """
    for first in range(len(proposals) - least + 1):
        shown = proposals[first:]
        words = asking.within(partial(beside, asking.user, name, shown), LIMITS)
        if words is not None:
            return words
    return None


def _by_experts(drafting: Drafting) -> Plan[tuple[Proposal, ...]]:
    """Each candidate by another expert; who they are is asked for where it was not said."""
    experts = drafting.experts
    replies: tuple[Reply, ...] = ()
    if not experts:
        replies = yield (_who(drafting),)
        experts = experts_in(answer_in(replies[0]), drafting.count)
    words = [
        prompt("multi_expert").fill(expert=line_of(experts[draft % len(experts)]))
        for draft in range(drafting.count if experts else 0)
    ]
    first, *rest = yield from _at_once(drafting, words)
    if not experts:
        told = "no expert could be read in the answer, so that none is named in the questions"
        first = replace(first, repairs=(*first.repairs, told))
    return (replace(first, replies=(*replies, *first.replies)), *rest)


def _who(drafting: Drafting) -> Request:
    user, count = drafting.asking.user, str(drafting.count)
    system = prompt("multi_experts").fill(count=count)
    task = fenced(user)
    messages = ({"role": "system", "content": system}, {"role": "user", "content": task})
    return Request(messages, max_tokens=drafting.asking.max_tokens)


GENERATING: Mapping[str, Any] = MappingProxyType(
    {
        "temperature_variation": _at_once,
        "self_refinement": partial(_in_turn, name="multi_refinement", last=1),
        "iterative_alternatives": partial(_in_turn, name="multi_alternatives", last=0),
        "multi_experts": _by_experts,
        "multi_llm": _at_once,
    }
)
"""The ways, by name: from a `Drafting` to a plan of proposals."""


def beside(user: str, name: str, proposals: Sequence[Proposal], limit: int = UNREAD) -> str:
    """A question once more, with what was answered to it so far.

    It begins as the question did, so that a prompt cache serves it.

    Args:
        user: the question.
        name: the prompt that says what to do with the answers.
        proposals: what was read in them.
        limit: characters of each text in them that is no value.
    """
    told = [_told(proposal, limit) for proposal in proposals]
    shown = [
        "\n".join([f"Candidate {number}", *(f"{what}{line_of(text)}" for what, text in parts)])
        for number, parts in enumerate(told, 1)
    ]
    more = prompt(name).fill(candidates="\n\n".join(shown))
    return f"{user}\n\n{explained(more, user)}"


def _told(proposal: Proposal, limit: int) -> list[tuple[str, str]]:
    """A candidate as pairs of a heading, which is ours, and a text, which is a model's."""
    reasoning = cut(proposal.reasoning, min(limit, REASONING)) if limit else ""
    parts = [("Reasoning: ", reasoning)] if reasoning else []
    values = {_one_line(name): safe_text(value) for name, value in proposal.values.items()}
    parts += [(f"{name}=", text) for name, text in values.items()]
    parts += [("Stays as it is: ", _one_line(name)) for name in proposal.unchanged]
    if proposal.failure is not None:
        parts += [("Cannot be used: ", proposal.failure)]
        parts += [("Answer: ", cut(answer_in(proposal.replies[-1]), limit) or "(nothing)")]
    elif not proposal.values and not proposal.unchanged and not proposal.refused:
        parts += [("Changes: ", "none")]
    return parts + [("Refused: ", str(refusal)) for refusal in proposal.refused]


def _one_line(name: Any) -> str:
    return " ".join(str(name).split())


def experts_in(text: str, count: int) -> tuple[str, ...]:
    r"""The experts that an answer names: a JSON list of texts, or a line each.

    Args:
        text: what a model wrote.
        count: how many are wanted; there may be fewer.

    Example:
        >>> experts_in("Here they are:\n1. a poet\n2. a lawyer\n3. a cook", 2)
        ('a poet', 'a lawyer')
    """
    answer, _, ended = without_thoughts(text)
    said = _listed(answer) if ended else []
    clean = (_one_line(one.strip("\"'`* \t"))[:EXPERT] for one in said)
    return tuple(dict.fromkeys(one for one in clean if one))[:count]


def _listed(answer: str) -> list[str]:
    begin, end = answer.find("["), answer.rfind("]")
    try:
        items = loads(answer[begin : end + 1]) if 0 <= begin < end else None
    except (JSONDecodeError, RecursionError, ValueError):
        items = None
    if isinstance(items, list) and any(isinstance(item, str) for item in items):
        return [item for item in items if isinstance(item, str)]
    lines = [line for line in answer.splitlines() if not line.lstrip().startswith("```")]
    found = [match["said"] for match in map(_LISTED.match, lines) if match]
    return found or [line for line in lines if not line.rstrip().endswith(":")]
