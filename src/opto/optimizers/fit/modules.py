"""Calls of modules, each collapsed into one step.

What belongs to a call is what was made after it had begun and is used for nothing but its
result. A step in it that something else was made of as well, that feedback was said about, or
that failed stays a step of its own, with all that it was made of: so what is collapsed has one
way out, no cycle can come of it, and no name outside loses its step. That also leaves out
whatever other threads did in the meantime, if the result was not made of it. A call that
failed has no result, so nothing of it is collapsed: there one wants to see where it failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opto.formats import on_one_line
from opto.optimizers.fit.gaps import few
from opto.optimizers.fit.run import NOWHERE
from opto.optimizers.summary import call_of
from opto.trace.order import distinct
from opto.trace.within import NO_NODE

if TYPE_CHECKING:
    from opto.optimizers.summary import FunctionFeedback
    from opto.trace.graph import Step
    from opto.trace.within import Call

__all__ = ["Nest"]


@dataclass(frozen=True, slots=True)
class _Block:
    """A call: what it was, the step it ended in, and the call around it.

    Args:
        call: what its result remembers.
        end: the name of that result.
        around: the place of the call that it happened in, or `NOWHERE`.
        depth: 1 for a call within no other.
    """

    call: Call
    end: str
    around: int
    depth: int


@dataclass(frozen=True, slots=True)
class Nest:
    """The calls of modules in a run, one within another.

    Args:
        summary: the run.
        blocks: the calls, each after the one around it.
        owner: by the name of a step or given value, the place of the innermost call it is in.
    """

    summary: FunctionFeedback
    blocks: list[_Block] = field(default_factory=list)
    owner: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, summary: FunctionFeedback) -> Nest:
        """The calls of a run, found in one pass from its end."""
        nest = cls(summary)
        if summary.modules:
            nest._find()
        return nest

    def depths(self) -> list[int]:
        """The depths from which on calls may be collapsed, what loses least first."""
        deepest = max((block.depth for block in self.blocks), default=0)
        found = []
        # By halves: a recursion of modules is as deep as Python's stack.
        while deepest:
            found.append(deepest)
            deepest //= 2
        return found

    def collapsed(self, depth: int) -> tuple[FunctionFeedback, str]:
        """The run with all calls of a depth as one step each, and a line that says so.

        Args:
            depth: of the calls that become steps; what happened in calls around them stays.
        """
        inside = self._inside(depth)
        members: dict[int, list[Step]] = {}
        for step in self.summary.calls.values():
            block = inside.get(step.name, NOWHERE)
            if block != NOWHERE:
                members.setdefault(block, []).append(step)
        one: dict[str, Step] = {}
        left: set[str] = set()
        names: list[str] = []
        for block, steps in members.items():
            if len(steps) > 1:
                end = self.blocks[block].end
                one[end], hidden = self._as_one(block, steps, inside)
                left.update(s.name for s in steps if s.name != end)
                left.update(hidden)
                names.append(str(one[end].op))
        count = sum(len(steps) for steps in members.values() if len(steps) > 1)
        calls = f"{len(names):,} call{'s' if len(names) > 1 else ''} of modules"
        kinds = few([*dict.fromkeys(names)])
        note = f"... Collapsed: {count:,} steps in {calls}, of which each is one step here: {kinds}"
        return self._without(left, one), note if names else ""

    # -- which call each step is in --------------------------------------------------------

    def _find(self) -> None:
        summary = self.summary
        made, outside = summary.made, {*summary.output, *summary.failed}
        held: dict[str, int] = {}
        # Later steps first: what a step is used for is known before the step.
        for _, line in sorted(summary.graph, key=lambda pair: pair[0], reverse=True):
            step = summary.calls.get(line)
            if step is None or step.name not in made:
                continue
            name, calls = step.name, summary.modules.get(step.name, ())
            within = NOWHERE if name in outside else held.get(name, NOWHERE)
            within = self._begun(within, calls[-1].opened if calls else made[name])
            for call in reversed(calls):
                depth = 1 + (self.blocks[within].depth if within != NOWHERE else 0)
                self.blocks.append(_Block(call, name, within, depth))
                within = len(self.blocks) - 1
            self.owner[name] = within
            for _, source in step.inputs:
                held[source] = self._both(held.get(source, within), within)
        for name in summary.roots:
            if name in made:
                self.owner[name] = self._begun(held.get(name, NOWHERE), made[name])

    def _begun(self, block: int, number: int) -> int:
        """The innermost of a call and those around it that had begun before a number."""
        while block != NOWHERE and self.blocks[block].call.opened >= number:
            block = self.blocks[block].around
        return block

    def _both(self, one: int, other: int) -> int:
        """The innermost call that two calls are in."""
        while one != other:
            # A call stands behind the one around it, so the later cannot be around the other.
            if one > other:
                one = self.blocks[one].around
            else:
                other = self.blocks[other].around
        return one

    def _inside(self, depth: int) -> dict[str, int]:
        """The call of a depth that each step is in."""
        at: list[int] = []
        for place, block in enumerate(self.blocks):
            near = block.depth <= depth
            at.append(at[block.around] if not near else place if block.depth == depth else NOWHERE)
        return {name: at[own] for name, own in self.owner.items() if own != NOWHERE}

    # -- a call as one step ----------------------------------------------------------------

    def _as_one(
        self, block: int, steps: list[Step], inside: dict[str, int]
    ) -> tuple[Step, list[str]]:
        """A call as a step, and the given values that are left out with it."""
        used = dict.fromkeys(name for step in steps for _, name in step.inputs)
        own = {step.name for step in steps}
        within = [n for n in used if inside.get(n, NOWHERE) == block and n not in own]
        # What is made and used in the call only is a part of it, like a constant in its code.
        kept = self.summary.computed.union(self.summary.variables)
        hidden = [name for name in within if name not in kept]
        left = own.union(hidden)
        outside = [name for name in used if name not in left]
        if not outside:
            hidden, outside = [], [name for name in used if name not in own]
        call, made = self.blocks[block].call, self.summary.made
        given = call.given
        order = {argument: at for at, argument in enumerate(given.values())}
        called = {name: given.get(made.get(name, NO_NODE), "") for name in outside}
        pairs = [(called[name] or _base(name), name) for name in outside]
        pairs.sort(key=lambda pair: order.get(called[pair[1]], len(order)))
        arguments = distinct(on_one_line(argument) for argument, _ in pairs)
        op = on_one_line(call.name)
        words = f"[{op}] A call of a module, collapsed into one step. {call.documentation}"
        end = self.blocks[block].end
        last = next(step for step in reversed(steps) if step.name == end)
        return (
            replace(
                last,
                op=op,
                inputs=tuple((arg, name) for arg, (_, name) in zip(arguments, pairs, strict=True)),
                documentation=words.rstrip(),
            ),
            hidden,
        )

    def _without(self, left: set[str], one: dict[str, Step]) -> FunctionFeedback:
        """The run with some steps left out, and others in place of some."""
        summary = self.summary
        graph: list[tuple[int, str]] = []
        calls: dict[str, Step] = {}
        documentation: dict[str, str] = {}
        for level, line in summary.graph:
            step = summary.calls.get(line)
            if step is None:
                graph.append((level, line))
            elif step.name not in left:
                step = one.get(step.name, step)
                told = line if step.name not in one else call_of(step)
                graph.append((level, told))
                calls[told] = step
                words = step.documentation if step.name in one else None
                words = words or summary.documentation.get(str(step.op))
                if words:
                    documentation.setdefault(str(step.op), words)
        if len(calls) == len(graph):
            kept = documentation
        else:  # lines that a user wrote may be of any operation
            kept = {**summary.documentation, **documentation}
        return replace(
            summary,
            graph=graph,
            calls=calls,
            documentation=kept,
            others={k: v for k, v in summary.others.items() if k not in left},
            inputs={k: v for k, v in summary.inputs.items() if k not in left},
        )


def _base(name: str) -> str:
    return name.rstrip("0123456789") or name
