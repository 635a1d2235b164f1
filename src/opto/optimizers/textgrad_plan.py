"""One step of TextGrad as a plan: a round of questions for each level of the run.

Whatever can be asked is asked at once. A value whose every use has been judged is ready; what
is wanted of it leads to questions about what it was made of. Where nothing is wanted, nothing
behind it is asked.

Source: TextGrad, arXiv 2406.07496, as SPEC 7.7 counts it; rounds instead of a sequence,
questions about steps instead of edges, and stopping at "no change" are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.llm import Request
from opto.optimizers.proposal import Proposal, Refusal
from opto.optimizers.reading import answer_in
from opto.optimizers.render import cut, shown
from opto.optimizers.textgrad_reading import merged_in, wanted_in
from opto.optimizers.textgrad_words import VALUE_LIMIT, Gradient
from opto.optimizers.words import repair_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm import Reply
    from opto.optimizers.drive import Plan
    from opto.optimizers.textgrad_course import Course, Stretch
    from opto.optimizers.textgrad_words import Words

    Question = tuple[Request, Callable[[Reply], None]]

__all__ = ["Outcome", "way_back"]

NOTHING_SAID = "(nothing was said; judge it by the purpose)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer gives for one variable.

    Args:
        value: the new value, in the type of the variable; counts where `why` is None.
        given: what the answer gave; None if it gave nothing.
        stays: whether it gave the present value, or said that it shall stay.
        why: why nothing can be used.
        repairs: liberties that were taken.
    """

    value: Any = None
    given: Any = None
    stays: bool = False
    why: str | None = None
    repairs: tuple[str, ...] = ()


def way_back(
    course: Course,
    words: Words,
    read: Callable[[str, Reply], Outcome],
    max_tokens: int | None = None,
    most: int | None = None,
    *,
    repair: bool = True,
) -> Plan[Proposal]:
    """Questions from the outputs back to the parameters, whose answers make a proposal.

    Args:
        course: what is asked.
        words: how.
        read: from the name of a variable and an answer to what that gives for it.
        max_tokens: the longest answer, in tokens.
        most: the most questions; what `course` leaves of them is for repairs.
        repair: whether a useless new value leads to a second question.

    Yields:
        The requests of a round.

    Returns:
        The proposal.
    """
    spare = len(course.targets) if most is None else most - course.calls
    way = _Way(course, words, read, max_tokens, spare if repair else 0)
    questions = way.questions()
    while questions:
        replies = yield tuple(request for request, _ in questions)
        for (_, take), reply in zip(questions, replies, strict=True):
            take(reply)
        questions = way.questions()
    return way.proposal()


@dataclass(slots=True)
class _Way:
    """How far the way back is gone."""

    course: Course
    words: Words
    read: Callable[[str, Reply], Outcome]
    max_tokens: int | None
    spare: int
    wanted: dict[str, list[Gradient]] = field(default_factory=dict)
    waits: dict[str, int] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    again: list[Question] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waits = dict(self.course.asks)
        for name, texts in self.course.said.items():
            self.wanted[name] = [Gradient(None, text.strip() or NOTHING_SAID) for text in texts]
            if name not in self.waits:
                self.ready.append(name)

    # -- asking --------------------------------------------------------------------------

    def questions(self) -> list[Question]:
        """All that can be asked now."""
        asked, self.again = self.again, []
        ready, self.ready = self.ready, []
        for name in ready:  # grows while it is gone through: what wants nothing is passed by
            wanted = self.wanted.get(name, [])
            stretch = self.course.stretches.get(name)
            if stretch and not wanted:
                self._judged(stretch.inputs, ready)
            elif stretch and self._is_to_merge(name):
                asked.append(self._merge(name, wanted))
            elif wanted:
                asked += self._about(stretch, wanted) if stretch else []
                asked += [self._update(name, wanted)] if name in self.words.fields else []
        return asked

    def _is_to_merge(self, name: str) -> bool:
        several = len(self.wanted[name]) > 1
        return self.course.merges and several and name not in self.merged

    def _merge(self, name: str, wanted: list[Gradient]) -> Question:
        self.merged.add(name)
        return self._request(*self.words.merge(name, wanted)), partial(self._take_one, name)

    def _about(self, stretch: Stretch, wanted: list[Gradient]) -> list[Question]:
        size = self.course.together
        parts = [stretch.inputs[at : at + size] for at in range(0, len(stretch.inputs), size)]
        return [question for part in parts for question in self._in_budget(stretch, part, wanted)]

    def _in_budget(
        self, stretch: Stretch, part: tuple[str, ...], wanted: list[Gradient]
    ) -> list[Question]:
        """The question about some inputs; where it is too long, and one more is left, two."""
        try:
            words = self.words.gradient(stretch, part, wanted)
        except OptimizerError:
            if len(part) == 1 or self.spare <= 0:
                raise
            self.spare -= 1
            half = len(part) // 2
            parts = part[:half], part[half:]
            return [one for few in parts for one in self._in_budget(stretch, few, wanted)]
        return [(self._request(*words), partial(self._take_wishes, stretch.exit, part))]

    def _update(self, name: str, wanted: list[Gradient]) -> Question:
        system, user = self.words.update(name, wanted)
        return self._request(system, user), partial(self._take_value, name, (system, user))

    def _request(self, system: str, user: str) -> Request:
        messages = ({"role": "system", "content": system}, {"role": "user", "content": user})
        return Request(messages, max_tokens=self.max_tokens)

    # -- hearing -------------------------------------------------------------------------

    def _take_one(self, name: str, reply: Reply) -> None:
        self.replies.append(reply)
        text = merged_in(reply)
        if text is None:
            self.repairs.append(f"the wishes for {name} left as they were")
        else:
            self.wanted[name] = [Gradient("all of its uses", text)] if text else []
        self.ready.append(name)

    def _take_wishes(self, by: str, names: tuple[str, ...], reply: Reply) -> None:
        self.replies.append(reply)
        found = wanted_in(reply, names)
        if found is None:
            # Silence is no judgement: what is wanted of the result is not lost by it.
            self.repairs.append(f"what is wanted of {by} passed on to {', '.join(names)}")
            told = cut("; ".join(one.text for one in self.wanted[by]), VALUE_LIMIT)
            found = dict.fromkeys(names, told)
        for name in names:
            if name in found:
                self.wanted.setdefault(name, []).append(Gradient(by, found[name]))
        self._judged(names, self.ready)

    def _judged(self, names: tuple[str, ...], ready: list[str]) -> None:
        for name in names:
            self.waits[name] -= 1
            if not self.waits[name]:
                ready.append(name)

    def _take_value(self, name: str, asked: tuple[str, str], reply: Reply) -> None:
        self.replies.append(reply)
        outcome = self.outcomes[name] = self.read(name, reply)
        if outcome.why is not None and self.spare > 0:
            self.spare -= 1
            words = repair_words(asked[1], answer_in(reply), outcome.why)
            self.again.append((self._request(asked[0], words), partial(self._take_second, name)))

    def _take_second(self, name: str, reply: Reply) -> None:
        self.replies.append(reply)
        self.outcomes[name] = self.read(name, reply)

    # -- the end -------------------------------------------------------------------------

    def proposal(self) -> Proposal:
        """What all answers come to."""
        found = self.outcomes
        refused = [
            Refusal(n, "" if o.given is None else shown(o.given), o.why)
            for n, o in found.items()
            if o.why
        ]
        bound = "nothing was asked about it: max_calls allows no more questions"
        refused += [Refusal(name, "", bound) for name in self.course.missed]
        learned = [name for name in found if name in self.wanted]
        return Proposal(
            {n: o.value for n, o in found.items() if o.why is None and not o.stays},
            tuple(refused),
            tuple(name for name, o in found.items() if o.stays),
            given={name: o.given for name, o in found.items() if o.given is not None},
            reasoning="\n".join(
                f"{name}: {one.text}" for name in learned for one in self.wanted[name]
            ),
            repairs=(*self.repairs, *(f"{n}: {r}" for n, o in found.items() for r in o.repairs)),
            stop=not refused and all(o.stays for o in found.values()),
            replies=tuple(self.replies),
        )
