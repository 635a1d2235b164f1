"""One step of OptoPrime as a plan: ask, read, and ask once more if nothing can be used.

Source: the algorithm of the Trace paper (arXiv 2406.16218, section 4) asks once; the second
question, and several drafts of one step, are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.formats import NO_END
from opto.llm import Request
from opto.optimizers.reading import answer_in
from opto.optimizers.words import repair_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opto.llm import Reply
    from opto.optimizers.drive import Plan
    from opto.optimizers.fit import Budget
    from opto.optimizers.proposal import Proposal

__all__ = ["Asking", "mended", "plan", "read_in", "spread"]


@dataclass(frozen=True, slots=True)
class Asking:
    """How a question is put.

    Args:
        system: the part that is the same for all problems.
        user: the problem.
        max_tokens: the longest answer, in tokens; None for no limit.
        response_format: the form of the answer, for providers that can hold a model to it.
        temperatures: one for each draft; None for the provider's default.
        repair: whether a useless answer leads to a second question.
        models: for each draft, the name of the model that answers it; where there are
            none, that is left to whoever drives the plan.
        budget: the tokens that a question may have that shows what was answered so far; None
            for any number.
    """

    system: str
    user: str
    max_tokens: int | None = None
    response_format: Any = None
    temperatures: tuple[float | None, ...] = (None,)
    repair: bool = True
    models: tuple[str, ...] = ()
    budget: Budget | None = None

    def within(self, write: Callable[[int], str], limits: Sequence[int]) -> str | None:
        """The longest words that are within the budget.

        Args:
            write: from a limit, such as the characters of some texts, to words.
            limits: those to try, the largest first.

        Returns:
            None where even the shortest have more tokens than there may be.
        """
        words = ""
        for limit in limits:
            words = write(limit)
            if self.budget is None or self.budget.allows(f"{self.system}\n\n{words}"):
                return words
        if self.budget is None or self.budget.most is None:
            return words
        fits = self.budget.allows(f"{self.system}\n\n{words}", self.budget.most)
        return words if fits else None

    def request(self, user: str, draft: int) -> Request:
        """The question with the words `user`, as a draft of the step."""
        return Request(
            (
                {"role": "system", "content": self.system},
                {"role": "user", "content": user},
            ),
            model=self.models[draft] if self.models else None,
            max_tokens=self.max_tokens,
            temperature=self.temperatures[draft],
            response_format=self.response_format,
            sample=draft,
        )


def plan(asking: Asking, read: Callable[[str], Proposal]) -> Plan[Proposal]:
    """Questions whose answers make a proposal.

    All drafts are asked for at once. A useless one among several is passed over; if all
    are, the first is asked for again, with what was wrong with it.

    Args:
        asking: how to ask.
        read: from the text of an answer to a proposal.

    Yields:
        The requests of a round.

    Returns:
        The proposal of the first useful answer, the others within it.
    """
    drafts = range(len(asking.temperatures))
    replies = yield tuple(asking.request(asking.user, draft) for draft in drafts)
    read_ones = tuple(read_in(reply, read) for reply in replies)
    proposals = yield from mended(asking, read_ones, read)
    best = next((p for p in proposals if p.complaint is None), proposals[0])
    others = tuple(p for p in proposals if p is not best)
    return replace(best, others=others) if others else best


def mended(
    asking: Asking, proposals: tuple[Proposal, ...], read: Callable[[str], Proposal]
) -> Plan[tuple[Proposal, ...]]:
    """The proposals; where none is of use, with the first one asked for again.

    Args:
        asking: how they were asked for.
        proposals: what was read in the answers.
        read: as in `plan`.
    """
    if not asking.repair or any(p.complaint is None for p in proposals):
        return proposals
    first, *rest = proposals
    words = repair_words(asking.user, answer_in(first.replies[-1]), first.complaint or "")
    (reply,) = yield (asking.request(words, 0),)
    again = replace(read_in(reply, read), replies=(*first.replies, reply))
    return (again, *rest)


def read_in(reply: Reply, read: Callable[[str], Proposal]) -> Proposal:
    """The proposal in a reply; none of one that was cut off before its thoughts had an end."""
    proposal = replace(read(answer_in(reply)), replies=(reply,))
    if reply.finish_reason == "length" and any(r.endswith(NO_END) for r in proposal.repairs):
        # What it ends with may be a thought: it cannot be told from an answer.
        why = "the answer was cut off while thinking; think less and answer"
        return replace(proposal, values={}, refused=(), unchanged=(), failure=why)
    return proposal


def spread(count: int, temperature: float | tuple[float, float] | None) -> tuple[float | None, ...]:
    """A temperature for each of `count` drafts.

    Args:
        count: how many.
        temperature: one for all, or the lowest and the highest; None for the provider's
            default where there is one draft, and 0.3 to 1.0 where there are several.

    Example:
        >>> spread(3, (0.0, 1.0)), spread(1, None)
        ((0.0, 0.5, 1.0), (None,))
    """
    if count > 1 and temperature is None:
        temperature = (0.3, 1.0)
    if not isinstance(temperature, tuple):
        return (temperature,) * count
    low, high = temperature
    return tuple(round(low + (high - low) * i / max(1, count - 1), 3) for i in range(count))
