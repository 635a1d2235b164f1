"""The words of TextGrad's questions: prompts filled with a part of a run. Pure functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from opto.errors import OptimizerError
from opto.formats import on_one_line
from opto.optimizers.fences import alone, explained, indented, line_of, marks, moved_in
from opto.optimizers.fit import Budget
from opto.optimizers.fit.budget import DEFAULT
from opto.optimizers.fit.detail import limits
from opto.optimizers.render import cut, safe_text
from opto.optimizers.textgrad_reading import GRADIENT, IMPROVED
from opto.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.formats import Field
    from opto.optimizers.textgrad_course import Course, Stretch
    from opto.trace.graph import Step

__all__ = ["VALUE_LIMIT", "Gradient", "Words"]

VALUE_LIMIT = 2000
"""Characters of a value, or of a wish, that are shown; values to be changed are shown whole."""

BETWEEN_LIMIT = 300
"""Characters of a value in between, of which there may be many in one question."""

BESIDE_LIMIT = 500
"""Characters of a value beside several that are asked about."""

ENDS = 8
"""Steps at each end of a stretch that are shown; of those between them, some."""

WISHES = 24
"""Different wishes for one value that are shown."""

LEAST, FEW = 24, 2
"""Characters of a value, and steps at each end and half the wishes, where all else is too long."""

OWN = marks(tags=(GRADIENT, IMPROVED))
"""What in a text looks like a part of a question."""


@dataclass(frozen=True, slots=True)
class Gradient:
    """What is wanted of a value.

    Args:
        by: whose result it would mend; None where the user said it of the value itself.
        text: the wish.
    """

    by: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Questions about one run.

    Args:
        course: what is asked.
        objective: what all of it is for.
        fields: what may be set, by name.
        constraints: what new values must keep to, by name.
        budget: of the tokens of a question: where it has more, values are cut shorter.
        purpose: the objective as it stands in the questions.
    """

    course: Course
    objective: str
    fields: Mapping[str, Field]
    constraints: Mapping[str, str | None]
    budget: Budget = field(default_factory=partial(Budget, DEFAULT))
    purpose: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "purpose", moved_in(safe_text(self.objective), OWN))

    def gradient(
        self, stretch: Stretch, asked: Sequence[str], wanted: Sequence[Gradient]
    ) -> tuple[str, str]:
        """The question what is wanted of the inputs of steps: for the system, and for the user."""
        about = f"the question about {stretch.exit}"
        return self._within(partial(self._gradient, stretch, asked, wanted), about)

    def merge(self, name: str, wanted: Sequence[Gradient]) -> tuple[str, str]:
        """The question to make one wish of several."""
        return self._within(partial(self._merge, name, wanted), f"the question about {name}")

    def update(self, name: str, wanted: Sequence[Gradient]) -> tuple[str, str]:
        """The question for a new value of a variable, which is shown whole.

        Raises:
            OptimizerError: as all of these: it cannot be so short that it is within the budget.
        """
        about = f"the question for a new value of {name}"
        return self._within(partial(self._update, name, wanted), about)

    def check(self) -> None:
        """Ask nothing where a parameter is too long to be asked about in the end.

        Raises:
            OptimizerError: one is.
        """
        if self.budget.most is not None:
            for name in self.course.targets:
                self.update(name, ())

    # -- the questions with values of so many characters ---------------------------------

    def _within(self, write: Callable[[int], tuple[str, str]], about: str) -> tuple[str, str]:
        """The question with the longest values that are within the budget.

        Where none is, the shortest if nobody knows how many tokens there may be.
        """
        for limit in (*limits(VALUE_LIMIT), LEAST):
            question = write(limit)
            text = "\n\n".join(question)
            if self.budget.allows(text):
                return question
        most = self.budget.most
        if most is None or self.budget.allows(text, most):
            return question
        raise OptimizerError(
            f"{about} does not fit into a prompt of {most:,} tokens: as short as it can be, it "
            f"takes {self.budget.count(text):,}. What is to be changed, what is demanded of it "
            f"and the objective are never cut: make them shorter, or token_budget=... larger"
        )

    def _gradient(
        self, stretch: Stretch, asked: Sequence[str], wanted: Sequence[Gradient], limit: int
    ) -> tuple[str, str]:
        ends = _ends(limit)
        shown = _shown(stretch, asked, ends)
        names = {step.name for step in stretch.steps}
        seen = dict.fromkeys(given for step in shown for _, given in step.inputs)
        beside = [name for name in seen if name not in names and name not in asked]
        between = [step.name for step in shown if step.name != stretch.exit]
        # A step may take a thousand values; those at the edges stand for the others.
        some = dict.fromkeys((*beside[:ends], *beside[-ends:]))
        least = limit if len(asked) < 3 else min(limit, BESIDE_LIMIT)
        values = [self._value(name, least) for name in some]
        values += [self._value(name, min(limit, BETWEEN_LIMIT)) for name in between]
        wishes = self._wishes(wanted, limit)
        told = _operations(shown, limit)
        user = prompt("textgrad_question").fill(
            objective=self.purpose,
            steps="\n".join(_calls(shown, stretch.steps, ends)),
            operations="\n".join(told) or "(nothing is known of them)",
            values="\n".join(values) or "(none but those below)",
            result=self._value(stretch.exit, limit),
            wanted=self._list(stretch.exit, wishes, limit),
            asked="\n".join([self._value(name, limit) + self._demand(name) for name in asked]),
            # The only value that can learn is the only help: it is not offered to give up.
            unless=f"{prompt('textgrad_no_change')}\n" if len(asked) > 1 else "",
            shape=_shape(asked),
        )
        return str(prompt("textgrad_system")), explained(user)

    def _merge(self, name: str, wanted: Sequence[Gradient], limit: int) -> tuple[str, str]:
        wishes = self._wishes(wanted, limit)
        user = prompt("textgrad_merge").fill(
            objective=self.purpose,
            value=self._value(name, limit),
            wanted=self._list(name, wishes, limit),
        )
        return str(prompt("textgrad_merge_system")), explained(user)

    def _update(self, name: str, wanted: Sequence[Gradient], limit: int) -> tuple[str, str]:
        wishes = self._wishes(wanted, limit)
        constraint = safe_text(self.constraints.get(name) or "(nothing but its type)")
        user = prompt("textgrad_update").fill(
            objective=self.purpose,
            variable=self._value(name, None),
            constraint=alone(constraint, OWN),
            wanted=self._list(name, wishes, limit),
            name=name,
            kind=self._kind(name),
        )
        return str(prompt("textgrad_update_system")), explained(user)

    # -- parts -------------------------------------------------------------------------

    def _kind(self, name: str) -> str:
        known = self.fields.get(name)
        return on_one_line(known.kind if known else type(self.course.graph[name].value).__name__)

    def _value(self, name: str, limit: int | None) -> str:
        text = safe_text(self.course.graph[name].value)
        text = text if limit is None else cut(text, limit)
        return f"({self._kind(name)}) {name} = {line_of(text, OWN)}"

    def _demand(self, name: str) -> str:
        constraint = self.constraints.get(name)
        return f"\n    demanded of it: {line_of(constraint, OWN)}" if constraint else ""

    def _wishes(self, wanted: Sequence[Gradient], limit: int) -> dict[str, list[str]]:
        """The wishes for a value, equal ones once, with where they come from."""
        by: dict[str, list[str]] = {}
        for one in wanted:
            by.setdefault(cut(one.text, limit), []).append(one.by or "")
        return by

    def _list(self, name: str, wishes: Mapping[str, list[str]], limit: int) -> str:
        told = [f"- {_source(name, by)}: {line_of(text, OWN)}" for text, by in wishes.items()]
        half = WISHES // 2 if limit > LEAST else FEW
        more = len(told) - 2 * half
        if more > 0:
            told[half:-half] = [f"- ({more} more wishes are not shown)"]
        missing = self.course.left_out.get(name)
        if missing:
            told.append(f"- ({missing} more uses of {name} were not looked at)")
        return "\n".join(told)


def _source(name: str, sources: Sequence[str]) -> str:
    if not any(sources):
        return f"said about {name}"
    distinct = list(dict.fromkeys(sources))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return f"for {', '.join(source or 'the user' for source in distinct[:3])}{more}"


def _shape(asked: Sequence[str]) -> str:
    if len(asked) == 1:  # nothing to tell apart: small models do without tags best
        return f"What is wanted of {asked[0]}, in plain sentences:"
    heads = (f'<{GRADIENT} name="{escape(name)}">' for name in asked)
    elements = "\n".join(f"{head}\n...\n</{GRADIENT}>" for head in heads)
    return f"Your answer, one element for each value, and nothing else:\n{elements}"


def _ends(limit: int) -> int:
    return ENDS if limit > LEAST else FEW


def _shown(stretch: Stretch, asked: Sequence[str], ends: int) -> list[Step]:
    """The steps of a stretch that are shown: both ends, and where what is asked about is used."""
    steps = stretch.steps
    if len(steps) <= 2 * ends:
        return list(steps)
    numbers = {*range(ends), *range(len(steps) - ends, len(steps))}
    left = set(asked)
    for number, step in enumerate(steps):
        used = left.intersection(given for _, given in step.inputs)
        if used:
            numbers.add(number)
            left -= used
    return [steps[number] for number in sorted(numbers)]


def _calls(shown: Sequence[Step], steps: Sequence[Step], ends: int) -> list[str]:
    """The steps as calls; for those between that are not shown, how many of what."""
    at = {step.name: number for number, step in enumerate(steps)}
    lines, after = [], 0
    for step in shown:
        number = at[step.name]
        if number > after:
            ops = Counter(str(missing.op) for missing in steps[after:number]).most_common()
            said = ", ".join(f"{op} ({times})" for op, times in ops[:5])
            said += ", and others" if len(ops) > 5 else ""
            lines.append(f"... {number - after} more steps: {said} ...")
        lines.append(_call(step, ends))
        after = number + 1
    return lines


def _call(step: Step, ends: int) -> str:
    given = [f"{argument}={name}" for argument, name in step.inputs]
    if len(given) > 2 * ends:
        given[ends:-ends] = [f"... {len(given) - 2 * ends} more ..."]
    return f"{step.name} = {step.op}({', '.join(given)})"


def _operations(shown: Sequence[Step], limit: int) -> list[str]:
    told = {step.op: step.documentation for step in shown if step.documentation}
    return [
        indented(cut(text, limit))
        for text in told.values()
        if text and text.partition("]")[2].strip(" .")
    ]
