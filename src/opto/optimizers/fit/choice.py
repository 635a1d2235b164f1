"""Which steps and values are shown in so much room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opto.optimizers.fit.lines import ARGUMENTS
from opto.optimizers.render import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opto.optimizers.fit.run import Call, Run
    from opto.optimizers.fit.values import Texts
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["Choice", "chosen"]

LINE = 20
LONGEST = 600
DOCUMENTATION = 200
# Of the room, what lines about steps that are left out do not take.
SHOWN = 0.75


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown of a run.

    Args:
        calls: the names of the steps.
        given: the names of the given values.
        values: the names of the steps whose values are shown.
        limit: characters of each value.
        documentation: what the operations do.
        whole: whether nothing is left out.
    """

    calls: frozenset[str]
    given: frozenset[str]
    values: tuple[str, ...]
    limit: int
    documentation: dict[str, str]
    whole: bool


def chosen(
    run: Run,
    samples: list[Call],
    summary: FunctionFeedback,
    texts: Texts,
    room: int,
    limits: list[int],
) -> Choice:
    """All steps with shorter values if they fit; else the samples; else the first of them.

    Args:
        run: the steps.
        samples: the most telling steps, the most telling first.
        summary: the values.
        texts: the values as texts.
        room: characters.
        limits: lengths of values to try, the longest first; the last is 0, for none.
    """
    trial = _Trial(summary, texts)
    every = run.calls.values()
    for limit in limits[:-1]:
        if (shown := trial.fill(every, room, limit)) is not None:
            return trial.choice(shown, limit, whole=True)
    for limit in limits:
        if (shown := trial.fill(samples, int(room * SHOWN), limit)) is not None:
            return trial.choice(shown, limit)
    first = trial.fill(samples, int(room * SHOWN), 0, some=True) or samples[:1]
    return trial.choice(first, 0)


@dataclass(frozen=True, slots=True)
class _Trial:
    summary: FunctionFeedback
    texts: Texts

    def fill(
        self, calls: Iterable[Call], room: int, limit: int, *, some: bool = False
    ) -> list[Call] | None:
        """The calls, if they fit; of `some`, the first that do."""
        inputs, operations = set[str](), set[str]()
        shown: list[Call] = []
        for call in calls:
            room -= LINE + min(len(call.line), LONGEST)
            if call.op not in operations:
                operations.add(call.op)
                said = self.summary.documentation.get(call.op, "")
                room -= min(len(said), max(limit, DOCUMENTATION))
            if limit:
                if call.name in self.summary.others:
                    room -= self.texts.cost(call.name, limit)
                for name in _given(call, self.summary):
                    if name not in inputs:
                        inputs.add(name)
                        room -= self.texts.cost(name, limit)
            if room < 0:
                return shown if some else None
            shown.append(call)
        return shown

    def choice(self, shown: list[Call], limit: int, *, whole: bool = False) -> Choice:
        names = frozenset(call.name for call in shown)
        given: Iterable[str] = self.summary.inputs if whole else ()
        if limit and not whole:
            given = (name for call in shown for name in _given(call, self.summary))
        values = [name for name in self.summary.others if limit and (whole or name in names)]
        operations = {call.op for call in shown}
        longest = max(limit, DOCUMENTATION)
        documentation = {
            op: cut(said, longest)
            for op, said in self.summary.documentation.items()
            if whole or op in operations
        }
        return Choice(names, frozenset(given), tuple(values), limit, documentation, whole)


def _given(call: Call, summary: FunctionFeedback) -> Iterable[str]:
    """The given values that the line of a step names."""
    inputs = call.inputs
    if len(inputs) > ARGUMENTS:
        inputs = [*inputs[:3], *inputs[-2:]]
    return (name for _, name in inputs if name in summary.inputs)
