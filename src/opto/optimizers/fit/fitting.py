"""From a summary to the longest problem that is within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from opto.optimizers.fit.budget import Budget
from opto.optimizers.fit.choice import chosen
from opto.optimizers.fit.lines import Part
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.remarks import shortened
from opto.optimizers.fit.run import Run
from opto.optimizers.fit.shapes import samples, shapes_of
from opto.optimizers.fit.values import SHORTEST, Texts, limits, shares
from opto.optimizers.render import Excerpt, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.optimizers.summary import FunctionFeedback

__all__ = ["fitted"]

T = TypeVar("T")

# No tokenizer in use has more characters in a token of a line of code, on average.
CHARACTERS = 12
# With so many the room is filled at first; it shrinks until the problem fits.
HOPED = 4
TRIES = 12
# Tokens that variables leave for the run, if they are not to be cut.
RUN = 800
# Outputs that are all shown.
OUTPUTS = 16
FEEDBACK = 240


def fitted(
    summary: FunctionFeedback,
    of: Callable[[FunctionFeedback], T],
    budget: Budget | int,
    limit: int = 2000,
) -> T:
    """The problem that a summary tells, or the most of it that is within a budget.

    A problem that fits is what `of` makes of the summary itself. In one that does not,
    in this order: values are cut in their middle; of many equal steps some are shown,
    and one line tells of the others; steps far from parameters and feedback are left out.
    Lines of the code say what is left out. Each parameter, the outputs, and what is
    between them are always told, so that a budget too small for that is exceeded: by
    names, by `SHORTEST` characters of each value, and by some `FEEDBACK` of the feedback.
    Parameters are shown whole, unless they leave less than a fifth of the budget, or 800
    tokens, for the run. Of more than 16 outputs only some are shown.

    The time is linear in the summary.

    Args:
        summary: the run and the feedback.
        of: makes the problem; its text is what is counted.
        budget: tokens.
        limit: characters of a value that cannot be changed, at most.

    Source: the Trace paper, arXiv 2406.16218, section 4, has no such limit, and names it
        as what keeps it from programs of more than some hundred operations.
    """
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    # Otherwise making the texts of all values could take far longer than reading the lines.
    if sum(len(line) for _, line in summary.graph) <= CHARACTERS * budget.tokens:
        whole = of(summary)
        if budget.allows(str(whole)):
            return whole
    fitting = _Fitting(summary, of, budget, limit)
    return of(fitting.best())


class _Fitting:
    """The trials for one summary."""

    def __init__(
        self, summary: FunctionFeedback, of: Callable[[Any], Any], budget: Budget, limit: int
    ) -> None:
        self.of, self.budget, self.limit = of, budget, limit
        self.summary, self.notes = summary, list[str]()
        self.run = Run.of(summary)
        self.shapes = shapes_of(self.run, summary)
        self.samples = samples(self.shapes, self.run, summary)
        self.texts = Texts({**summary.inputs, **summary.others, **summary.output})
        self.feedback = safe_text(summary.user_feedback)

    def _tokens(self, summary: FunctionFeedback) -> int:
        return self.budget.count(str(self.of(summary)))

    def best(self) -> FunctionFeedback:
        """The longest part that fits, or else the shortest."""
        variables = self._variables()
        tokens = self.budget.tokens
        bare = self._tokens(self._bare(variables))
        room = HOPED * max(0, tokens - bare)
        for _ in range(TRIES):
            part = self._part(variables, room)
            used = self._tokens(part)
            if used <= tokens:
                return part
            room = int(room * max(0.2, min(0.9, (tokens - bare) / (used - bare + 1))))
        return self._part(variables, 0)

    # -- what may be changed ------------------------------------------------------------

    def _bare(self, variables: dict[str, tuple[Any, Any]]) -> FunctionFeedback:
        empty: dict[str, Any] = {"others": {}, "inputs": {}, "output": {}, "documentation": {}}
        return replace(
            self.summary, graph=[], user_feedback="", roots={}, variables=variables, **empty
        )

    def _variables(self) -> dict[str, tuple[Any, Any]]:
        """The variables, cut only if they leave no room for the run."""
        whole = self.summary.variables
        room = self.budget.tokens - min(self.budget.tokens // 5, RUN)
        if self.budget.allows_within(str(self.of(self._bare(whole))), room):
            return whole
        texts = Texts(whole)
        most, found = max(len(texts[name]) for name in whole), SHORTEST
        # Whoever is longer than the limit is cut; by halves to the longest limit that fits.
        least = SHORTEST
        while most - least > max(20, least // 20):
            middle = (least + most) // 2
            trial = {name: texts.cut(name, middle) for name in whole}
            if self.budget.allows_within(str(self.of(self._bare(trial))), room):
                least = found = middle
            else:
                most = middle
        variables = {name: texts.cut(name, found) for name in whole}
        cut = [name for name, (value, _) in variables.items() if isinstance(value, Excerpt)]
        if cut:
            self.notes.append(f"... Variables too long to show whole: {ranges(cut)}")
        return variables

    # -- what may not -------------------------------------------------------------------

    def _part(self, variables: dict[str, tuple[Any, Any]], room: int) -> FunctionFeedback:
        summary = self.summary
        every = limits(self.limit)
        outputs = [*summary.output]
        needs = [len(self.feedback), sum(self.texts.cost(n, self.limit) for n in outputs)]
        said, told, left = shares([*needs, 1 << 60], room)
        outputs, limit = self._outputs(outputs, every[:-1], told)
        choice = chosen(self.run, self.samples, summary, self.texts, left, every)
        part = Part(self.run, summary, choice.calls, choice.given, outputs)
        graph = summary.graph
        if not choice.whole:
            graph = part.lines(self.shapes, min(40, left // 400))
        notes = [*self.notes]
        if len(outputs) < len(summary.output):
            shown = set(outputs)
            names = ranges((name for name in summary.output if name not in shown), 8)
            notes.append(f"... Outputs left out: {names}")
        short = shortened(self.feedback, max(said, FEEDBACK), summary.output)
        return replace(
            summary,
            graph=[*((-1, note) for note in notes), *graph],
            documentation=choice.documentation,
            others={n: self.texts.cut(n, choice.limit) for n in choice.values},
            roots={},
            output={name: self.texts.cut(name, limit) for name in outputs},
            user_feedback=summary.user_feedback if short == self.feedback else short,
            variables=variables,
            inputs={
                n: self.texts.cut(n, choice.limit) for n in summary.inputs if n in choice.given
            },
        )

    def _outputs(self, names: list[str], every: list[int], room: int) -> tuple[list[str], int]:
        """The outputs that are shown, and the characters of each."""
        for limit in every:
            if sum(self.texts.cost(name, limit) for name in names) <= room:
                return names, limit
        if len(names) > OUTPUTS:
            each = max(OUTPUTS, room // 100) // 2
            names = [*names[:each], *names[-each:]] if len(names) > 2 * each else names
        return names, every[-1]
