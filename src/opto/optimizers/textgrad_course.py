"""What TextGrad asks about a run, and in what order: the part of its graph that can learn.

Only ways from an output to a parameter that may be changed are gone. Where that would take
too many questions, neighbouring steps are asked about together, in stretches; and where that
is not enough, the ways that are farthest, or most like others, are left out. All passes go
over the graph in its order: nothing recurses, and the cost is linear in steps and inputs.

Source: SPEC 7.7; stretches and the bound on questions are ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from opto.trace.graph import Graph, Step

__all__ = ["TOGETHER", "Course", "Stretch", "course_of"]

TOGETHER = 12
"""Inputs that one question is about, at most."""

LONGER = 8
"""How many times as long as on the average a stretch may be, before ways are left out."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps that are asked about together: one, or several that lead to one result only.

    Args:
        exit: the step whose result has something wanted of it.
        steps: all of them, inputs first.
        inputs: the values from outside that something may be wanted of, the nearest first.
    """

    exit: str
    steps: tuple[Step, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The whole way back from the outputs to the parameters.

    Args:
        graph: the run.
        said: by output, what was said about it.
        targets: the parameters that new values are asked for.
        stretches: by exit, outputs first.
        together: inputs that one question is about, at most.
        merges: whether several wishes for one value are made one by a question of its own.
        left_out: by value, how many of its uses are not asked about.
        missed: parameters that nothing is asked about, for want of questions.
    """

    graph: Graph
    said: Mapping[str, tuple[str, ...]]
    targets: tuple[str, ...]
    stretches: Mapping[str, Stretch]
    together: int = TOGETHER
    merges: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    missed: tuple[str, ...] = ()

    @property
    def asks(self) -> Counter[str]:
        """By value, in how many questions something may be wanted of it."""
        return Counter(name for stretch in self.stretches.values() for name in stretch.inputs)

    @property
    def calls(self) -> int:
        """How many questions it takes, if each finds something to change and none is repeated."""
        asked = sum(-(-len(s.inputs) // self.together) for s in self.stretches.values())
        return asked + len(self.targets) + (self._merged() if self.merges else 0)

    def _merged(self) -> int:
        asks = self.asks
        return sum(asks[name] + len(self.said.get(name, ())) > 1 for name in self.stretches)

    @property
    def rounds(self) -> int:
        """How many rounds of questions it takes at most, one repair not counted."""
        asks, at = self.asks, dict.fromkeys(self.said, 0)
        for name, stretch in self.stretches.items():
            merged = self.merges and asks[name] + len(self.said.get(name, ())) > 1
            after = at.get(name, 0) + 1 + merged
            for given in stretch.inputs:
                at[given] = max(at.get(given, 0), after)
        return max((at.get(name, 0) + 1 for name in self.targets), default=0)


def course_of(
    graph: Graph,
    targets: Collection[str],
    said: Mapping[str, tuple[str, ...]],
    most: int | None = None,
    *,
    per_edge: bool = False,
) -> Course:
    """The way back through `graph`, in at most `most` questions.

    Args:
        graph: the run.
        targets: the names of the parameters that may be changed.
        said: by output, what was said about it.
        most: the most questions; None for any number.
        per_edge: a question for each input of each step, and one for each value of which
            several things are wanted, as the original has it; otherwise a question for each
            step.

    Example:
        >>> from opto.trace import GRAPH, node
        >>> from opto.trace.graph import Graph
        >>> GRAPH.clear()
        >>> x = node(3, name="x", trainable=True)
        >>> course = course_of(Graph.of(x * 2 + 1), ["x0"], {"add0": ("too small",)})
        >>> list(course.stretches), course.calls, course.rounds
        (['add0', 'multiply0'], 3, 3)
    """
    part = _Part(graph, frozenset(targets), said)
    together = 1 if per_edge else TOGETHER

    def course(size: int) -> Course:
        stretches = part.stretched(size)
        return Course(graph, said, part.targets, stretches, together, merges=per_edge)

    if most is None:
        return course(1)
    # Stretches that are shorter would be too many; much longer ones would hide what they hold.
    size = least = max(1, -(-len(part.inputs) // max(1, most - len(part.targets))))
    found = course(size)
    while found.calls > most and size < LONGER * least:
        size = min(size + size // 2 + 1, LONGER * least)
        found = course(size)
    return found if found.calls <= most else _shortened(found, most)


class _Part:
    """The steps that lead from parameters to outputs, outputs first, with what leads there."""

    def __init__(
        self, graph: Graph, targets: frozenset[str], said: Mapping[str, tuple[str, ...]]
    ) -> None:
        learns = set(targets)
        for step in graph.steps:
            if any(name in learns for _, name in step.inputs):
                learns.add(step.name)
        self.steps = {step.name: step for step in graph.steps if step.name in learns}
        self.inputs: dict[str, tuple[str, ...]] = {}
        self.users: dict[str, list[str]] = {}
        for name in reversed(self.steps):
            if name not in said and name not in self.users:
                continue
            inputs = dict.fromkeys(given for _, given in self.steps[name].inputs if given in learns)
            if inputs:
                self.inputs[name] = tuple(inputs)
            for given in inputs:
                self.users.setdefault(given, []).append(name)
        reached = (name for name in self.steps if name in said or name in self.users)
        self.targets = tuple(name for name in reached if name in targets)
        self.fixed = {*said, *self.targets}

    def stretched(self, size: int) -> dict[str, Stretch]:
        """The steps in stretches of at most `size`.

        A step joins the stretch that all of its users are in, so that a stretch has one
        result, and stretches depend on each other without a circle.
        """
        exits: dict[str, str] = {}
        members: dict[str, list[str]] = {}
        for name in self.inputs:
            into = {exits[user] for user in self.users.get(name, ())}
            own = len(into) != 1 or name in self.fixed or len(members[next(iter(into))]) >= size
            exits[name] = name if own else into.pop()
            members.setdefault(exits[name], []).append(name)
        made = {}
        for name, inside in members.items():
            given = dict.fromkeys(g for one in inside for g in self.inputs[one])
            outside = tuple(g for g in given if exits.get(g) != name)
            steps = tuple(self.steps[one] for one in reversed(inside))
            made[name] = Stretch(name, steps, outside)
        return made


# -- leaving out ---------------------------------------------------------------------------


def _shortened(course: Course, most: int) -> Course:
    """The same with the ways only that `most` questions reach.

    First the nearest use of each parameter, the nearest parameters first; then their second
    uses, and so on. Among equally near ones, those that differ come before those that repeat
    an operation.
    """
    onward, uses = _uses(course)
    kept: dict[str, list[str]] = {}
    active = set(course.said)
    updated = {name for name in course.targets if name in course.said}
    updated = set(sorted(updated)[:most])
    spent = len(updated)
    for target, used in uses:
        cost, way = int(target not in updated), []
        name, at = target, used
        while True:
            way.append((at, name))
            cost += len(kept.get(at, ())) % course.together == 0
            if at in active or spent + cost > most:
                break
            name, at = at, onward[at]
        if spent + cost > most:
            continue
        spent += cost
        updated.add(target)
        for at, name in way:
            kept.setdefault(at, []).append(name)
            active.add(name)
    stretches = {
        name: replace(stretch, inputs=tuple(kept[name]))
        for name, stretch in course.stretches.items()
        if name in kept
    }
    after = Counter(name for inputs in kept.values() for name in inputs)
    less = {name: n - after[name] for name, n in course.asks.items() if n > after[name]}
    return replace(
        course,
        stretches=stretches,
        targets=tuple(name for name in course.targets if name in updated),
        missed=tuple(name for name in course.targets if name not in updated),
        merges=False,
        left_out={name: n for name, n in less.items() if name in active},
    )


def _uses(course: Course) -> tuple[dict[str, str], Iterator[tuple[str, str]]]:
    """For each value the next exit on its shortest way to an output; and all uses, in order."""
    onward: dict[str, str] = {}
    distance = dict.fromkeys(course.said, 0)
    uses: list[tuple[int, int, str, str]] = []
    seen: Counter[tuple[int, str | None]] = Counter()
    targets = frozenset(course.targets)
    for name, stretch in course.stretches.items():
        far = distance[name]
        like = (far, stretch.steps[-1].op)
        seen[like] += 1
        for given in stretch.inputs:
            if far + 1 < distance.get(given, far + 2):
                distance[given], onward[given] = far + 1, name
            if given in targets:
                uses.append((far, seen[like], given, name))
    uses.sort(key=lambda use: use[:2])
    times: Counter[str] = Counter()
    ranked = []
    for _, _, target, name in uses:
        ranked.append((times[target], target, name))
        times[target] += 1
    ranked.sort(key=lambda use: use[0])
    return onward, ((target, name) for _, target, name in ranked)
