"""One of several candidates: the ways to choose, by a question or without one.

Source: SPEC 7.4; the mixture is that of Wang et al. (arXiv 2406.04692), in one layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.optimizers.candidates import in_budget
from opto.optimizers.clusters import majority
from opto.optimizers.convert import same
from opto.optimizers.plan import read_in
from opto.optimizers.reading import answer_in
from opto.optimizers.render import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.optimizers.candidates import Drafting
    from opto.optimizers.drive import Plan
    from opto.optimizers.proposal import Proposal

__all__ = ["ASKING", "SELECTING", "Selecting", "selected"]


ASKING = frozenset({"best_of_n", "moa", "mixture_of_agents"})
"""The ways that are a question."""

TOO_LONG = "token_budget leaves no room to choose by a question; taken is what most agree with"


@dataclass(frozen=True, slots=True)
class Selecting:
    """How one of the candidates is chosen.

    Args:
        technique: one of `SELECTING`; None for the first that is of use.
        selector: from the texts of the answers to one of them; before any technique.
        current: the present values.
    """

    technique: str | None = None
    selector: Callable[[list[str]], str] | None = None
    current: Mapping[str, Any] = field(default_factory=dict)


def selected(how: Selecting, drafting: Drafting, candidates: Sequence[Proposal]) -> Plan[Proposal]:
    """The proposal that is chosen, with the other candidates in it.

    Those that are of no use are no choice, but stay among the others, with what is wrong
    with them. Where all that are of use say the same, nothing is asked.

    Args:
        how: the way to choose.
        drafting: how the candidates were asked for.
        candidates: what was read in the answers.
    """
    useful = [proposal for proposal in candidates if proposal.complaint is None]
    if not useful:
        return _among(candidates[0], candidates[0], candidates)
    if how.selector is not None:
        origin, best = _by(how.selector, drafting, useful)
    elif how.technique is None:
        origin = best = useful[0]
    else:
        origin, best = yield from SELECTING[how.technique](how, drafting, useful)
    return _among(best, origin, candidates)


def _among(best: Proposal, origin: Proposal | None, candidates: Sequence[Proposal]) -> Proposal:
    return replace(best, others=tuple(p for p in candidates if p is not origin))


def _by(
    selector: Callable[[list[str]], str], drafting: Drafting, useful: Sequence[Proposal]
) -> tuple[Proposal | None, Proposal]:
    texts = [answer_in(proposal.replies[-1]) for proposal in useful]
    text: Any = selector(list(texts))
    if text in texts:
        found = useful[texts.index(text)]
        return found, found
    if not isinstance(text, str):
        raise OptimizerError(
            f"selector() is given a list of answers as texts and must return one of them, or "
            f"another text that is read as an answer, not {shown(text)}"
        )
    return None, drafting.read(text)


def _asked(
    how: Selecting, drafting: Drafting, useful: Sequence[Proposal], *, name: str
) -> Plan[tuple[Proposal | None, Proposal]]:
    """The answer to a question about the candidates, which is read as theirs were.

    Where it says what a candidate says, it is that candidate. Where it is of no use, or the
    candidates leave no room for a question, the one that most agree with is taken, and that
    is said.
    """
    if all(_alike(proposal, useful[0]) for proposal in useful):
        return useful[0], useful[0]
    asking = drafting.asking
    words = in_budget(asking, name, useful, len(useful))
    if words is None:
        found = majority(useful, how.current)
        return found, replace(found, repairs=(*found.repairs, TOO_LONG))
    # The model of the optimizer chooses, not one of those that have written.
    chooser = replace(asking, temperatures=(None,), models=())
    (reply,) = yield (chooser.request(words, 0),)
    answer = read_in(reply, drafting.read)
    if answer.complaint is not None:
        found = majority(useful, how.current)
        why = f"the choice could not be read ({answer.complaint}); taken is what most agree with"
        replies = (*found.replies, reply)
        return found, replace(found, replies=replies, repairs=(*found.repairs, why))
    for one in useful if not answer.refused else ():
        if _alike(one, answer):
            return one, replace(one, replies=(*one.replies, reply))
    return None, answer


def _majority(
    how: Selecting,
    drafting: Drafting,  # noqa: ARG001 - as the others
    useful: Sequence[Proposal],
) -> Plan[tuple[Proposal | None, Proposal]]:
    yield from ()  # a plan without a question
    found = majority(useful, how.current)
    return found, found


def _last(
    how: Selecting,  # noqa: ARG001 - as the others
    drafting: Drafting,  # noqa: ARG001
    useful: Sequence[Proposal],
) -> Plan[tuple[Proposal | None, Proposal]]:
    yield from ()  # a plan without a question
    return useful[-1], useful[-1]


SELECTING: Mapping[str, Any] = MappingProxyType(
    {
        "best_of_n": partial(_asked, name="multi_selection"),
        "moa": partial(_asked, name="multi_mixture"),
        "mixture_of_agents": partial(_asked, name="multi_mixture"),
        "majority": _majority,
        "last_of_n": _last,
    }
)
"""The ways, by name: each a plan of the candidate that was chosen, if it was one, and of what
it is now."""


def _alike(one: Proposal, other: Proposal) -> bool:
    """Whether two proposals change the same parameters to the same values."""
    return one.values.keys() == other.values.keys() and all(
        same(value, other.values[name]) for name, value in one.values.items()
    )
