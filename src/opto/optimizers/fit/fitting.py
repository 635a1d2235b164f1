"""From a summary to the fullest problem that is within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opto.errors import OptimizerError
from opto.optimizers.fit import detail
from opto.optimizers.fit.lines import Part
from opto.optimizers.fit.modules import Nest
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.remarks import Remarks
from opto.optimizers.fit.run import Run
from opto.optimizers.fit.shapes import ranked, shapes_of
from opto.optimizers.render import cut, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from opto.optimizers.fit.budget import Budget
    from opto.optimizers.fit.detail import Detail
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["fitted"]

T = TypeVar("T")

# No tokenizer in use has more characters in a token of a line of code, on average.
CHARACTERS = 12
# Tokens for the run where parameters take all of a budget that may be exceeded.
RUN = 4000
# Steps of each kind, below which calls of modules are collapsed instead.
EACH = 2
# Characters that an output takes beside its value, with its name and type.
OUTPUT = 40
DOCUMENTATION = 200
OUTPUTS_NAMED = 8


def fitted(
    summary: FunctionFeedback,
    of: Callable[..., T],
    budget: Budget,
    limit: int = 2000,
) -> T:
    """The problem that a summary tells, or the most of it that is within a budget.

    A problem that fits is what `of` makes of the summary itself. In one that does not,
    in this order: values are cut in their middle; of many equal steps some are written out,
    and one line tells of all; where not even two of each kind have room, calls of modules are
    collapsed into one step each, the innermost first, as a program's own outline tells most
    of it; then fewer and fewer steps are shown, those that are far from parameters and
    feedback first. Lines of the code say what is left out.

    Parameters are never cut, as what a model has not seen it cannot keep. They, an output
    and a way from each of them to an output are in every problem, so that a budget may be
    too small: then it is exceeded where it is only assumed, and an error says so where it is
    the model's or the user's.

    The time is linear in the summary.

    Args:
        summary: the run and the feedback.
        of: makes a problem of a summary and, if given, of limits for the values of sections;
            its text is the prompt whose tokens are counted.
        budget: tokens.
        limit: characters of a value that cannot be changed, at most.

    Raises:
        OptimizerError: not even the least that has to be shown is within the budget.

    Source: the Trace paper, arXiv 2406.16218, section 4, has no such limit, and names it
        as what keeps it from programs of more than some hundred operations.
    """
    # Making the texts of all values could take far longer than reading the lines.
    if _may_fit(summary, budget):
        problem = of(summary)
        if budget.allows(str(problem)):
            return problem
    return _Fitting(summary, of, budget, limit).best()


def _may_fit(summary: FunctionFeedback, budget: Budget) -> bool:
    return sum(len(line) for _, line in summary.graph) <= CHARACTERS * budget.tokens


def _alone(summary: FunctionFeedback) -> FunctionFeedback:
    """The variables without the run."""
    none: dict[str, Any] = {"others": {}, "inputs": {}, "output": {}, "documentation": {}}
    return replace(summary, graph=[], user_feedback="", **none)


class _Fitting(Generic[T]):
    """The trials for one summary."""

    def __init__(
        self,
        summary: FunctionFeedback,
        of: Callable[..., T],
        budget: Budget,
        limit: int,
        collapsed: str = "",
    ) -> None:
        self.summary, self.of, self.budget, self.limit = summary, of, budget, limit
        self.collapsed = collapsed
        self.run = Run.of(summary)
        self.shapes = shapes_of(self.run, summary.failed)
        self.words = [shape.words(self.run) for shape in self.shapes]
        self.remarks = Remarks.of(safe_text(summary.user_feedback), summary.output)
        self.ranked = ranked(self.shapes, self.run, summary.failed, self.remarks.examples())
        self.outputs = self.remarks.telling(summary.output, summary.failed)

    def best(self) -> T:
        """The fullest problem that fits."""
        least = self._levels()[-1]
        tokens = self._allowed(self.budget.count(str(self._problem(least))))
        if not self.summary.modules:
            return self._whole(tokens) or self._some(tokens) or self._problem(least)
        found = self._of_each(tokens)
        nest, last = Nest.of(self.summary), self
        for depth in () if found else nest.depths():
            part, said = nest.collapsed(depth)
            if said:
                last = _Fitting(part, self.of, self.budget, self.limit, said)
                found = last._of_each(tokens)
                if found:
                    break
        return found or last._some(tokens) or self._some(tokens) or self._problem(least)

    def _levels(self) -> list[Detail]:
        return detail.partial(len(self.ranked), self.limit, self.budget.tokens)

    def _whole(self, tokens: int) -> T | None:
        """All steps, with values that may be cut."""
        if not _may_fit(self.summary, self.budget):
            return None
        return self._fullest(detail.whole(self.limit, self.budget.tokens), tokens)

    def _of_each(self, tokens: int) -> T | None:
        """All steps, or else two of each kind at least."""
        few = min(EACH * len(self.shapes), len(self.ranked))
        levels = [level for level in self._levels() if (level.steps or 0) >= few]
        return self._whole(tokens) or self._fullest(levels, tokens)

    def _some(self, tokens: int) -> T | None:
        """As many of the most telling steps as there is room for."""
        return self._fullest(self._levels(), tokens)

    def _fullest(self, levels: list[Detail], tokens: int) -> T | None:
        """The first level that fits, found by halves: each is shorter than the one before it."""
        found, low, high = None, 0, len(levels)
        middle = high - 1
        while low < high:
            problem = self._problem(levels[middle])
            if self.budget.allows(str(problem), tokens):
                found, high = problem, middle
            elif found is None:
                return None
            else:
                low = middle + 1
            middle = (low + high) // 2
        return found

    def _allowed(self, least: int) -> int:
        """The tokens that the problem may have: more than agreed where only that leaves a run."""
        wanted, most = max(self.budget.tokens, least + RUN), self.budget.most
        if most is None or least <= most:
            return wanted if most is None else min(wanted, most)
        alone = str(self.of(_alone(self.summary)))
        sizes = {name: len(safe_text(v)) for name, (v, _) in self.summary.variables.items()}
        longest = max(sizes, key=sizes.__getitem__, default="")
        raise OptimizerError(
            f"the parameters do not fit into a prompt of {most:,} tokens: with the words around "
            f"them they take {self.budget.count(alone):,}, and {least:,} with the outputs, the "
            f"feedback and the ways between them, as short as these can be. The longest parameter, "
            f"of {len(sizes):,}, is {longest}: {sizes.get(longest, 0):,} characters. Give the "
            f"optimizer fewer or shorter parameters, or a larger token_budget=..."
        )

    def _problem(self, level: Detail) -> T:
        summary = self.summary
        outputs, said = self._outputs(level)
        steps, given = self._steps(level, outputs)
        notes = self._notes(level, outputs)
        graph = summary.graph
        if level.steps is not None:
            part = Part(self.run, steps, given, set(outputs))
            graph = part.lines(self.shapes, self.words, len(summary.inputs))
        whole, names = level.steps is None, {self.run.name(number) for number in steps}
        short = self.remarks.shortened(level.told)
        limit = level.limit
        operations = {self.run.op(number) for number in steps}
        return self.of(
            replace(
                summary,
                graph=[*((-1, note) for note in notes), *graph],
                documentation={
                    op: cut(words, max(limit, DOCUMENTATION))
                    for op, words in summary.documentation.items()
                    if whole or op in operations
                },
                others={k: v for k, v in summary.others.items() if limit and (whole or k in names)},
                output={name: summary.output[name] for name in outputs},
                inputs={k: v for k, v in summary.inputs.items() if k in given},
                user_feedback=summary.user_feedback if short == self.remarks.text else short,
            ),
            {"inputs": limit, "others": limit, "outputs": said},
        )

    def _outputs(self, level: Detail) -> tuple[list[str], int]:
        """The outputs that are shown, and the characters of each."""
        summary, limits = self.summary, detail.limits(self.limit)
        for limit in limits:
            if len(self.outputs) * (limit + OUTPUT) <= level.told:
                return [*summary.output], limit
        most = max(1, level.told // (limits[-1] + OUTPUT))
        shown = set(self.outputs[:most])
        return [name for name in summary.output if name in shown], limits[-1]

    def _steps(self, level: Detail, outputs: list[str]) -> tuple[Collection[int], Collection[str]]:
        """The numbers of the steps that are written out, and the given values that are shown."""
        if level.steps is None:
            return range(len(self.run.lines)), self.summary.inputs if level.limit else ()
        shown = set(outputs)
        ends = [self.run.at[n] for n in self.outputs if n in shown and n in self.run.at]
        # Outputs come on top of what is counted, so that there is a way's end to see.
        steps = {*self.ranked[: level.steps], *ends[: level.steps + 1]}
        if not level.limit:
            return steps, ()
        given = (name for number in steps for _, name in _edges(self.run.inputs(number)))
        return steps, {name for name in given if name in self.summary.inputs}

    def _notes(self, level: Detail, outputs: list[str]) -> list[str]:
        notes = [self.collapsed] if self.collapsed else []
        if not level.limit:
            notes.append("... Values are left out, but for variables and outputs.")
        if len(outputs) < len(self.summary.output):
            shown = set(outputs)
            names = ranges((n for n in self.summary.output if n not in shown), OUTPUTS_NAMED)
            notes.append(f"... Outputs left out: {names}")
        return notes


def _edges(inputs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Those arguments that a line is sure to name."""
    return inputs if len(inputs) <= 16 else (*inputs[:3], *inputs[-2:])
