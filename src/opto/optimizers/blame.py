"""Which parameters, and which steps, what was said about an output goes back to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.optimizers.convert import same
from opto.optimizers.render import shown
from opto.trace.graph import Graph
from opto.trace.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opto.trace.replaying import Replay

__all__ = ["Blame", "blames"]


@dataclass(frozen=True, slots=True, eq=False)
class Blame:
    """What a parameter has to do with an output that something was said about.

    Args:
        parameter: the `ParameterNode`.
        output: the output, a node.
        way: the names of the steps on the shortest way between them, the output the last.
        steps: how many steps depend on the parameter, on all ways.
        before: what the output was.
        after: what it would have been with another value of the parameter, as it was found
            by running those steps again; None if no other value was given.
    """

    parameter: Any
    output: Any
    way: tuple[str, ...]
    steps: int
    before: Any
    after: Replay | None = None

    @property
    def matters(self) -> bool | None:
        """Whether the other value makes another output; None where that was not tried."""
        if self.after is None:
            return None
        if self.after.error is not None:
            return True
        return not same(self.after.value, self.before)

    def __str__(self) -> str:
        way = " -> ".join((self.parameter.py_name, *self.way))
        told = f"{way} ({self.steps} steps)"
        if self.after is None:
            return told
        if self.after.error is not None:
            found = f"{self.after.at} would have raised {self.after.error!r}"
        elif not self.matters:
            found = "no difference"
        else:
            found = shown(self.after.value)
        return f"{told}: {found}, and was {shown(self.before)}"


def blames(
    parameters: Iterable[Any], graph: Any, changes: Mapping[Any, Any] | None = None
) -> tuple[Blame, ...]:
    """For each parameter and each output that something was said about, what they have to do.

    Args:
        parameters: the parameters.
        graph: the `TraceGraph` of the feedback on them.
        changes: other values by parameter. Each is tried alone: the steps that depend on it
            are run again.

    Returns:
        The nearest first; those without a way between them are left out.

    Raises:
        OptimizerError: a change is of none of the parameters.
    """
    snapshot = Graph.of(graph)
    ends, nodes = set(snapshot.outputs), graph.nodes
    pairs = zip(snapshot.steps, nodes, strict=True)
    outputs = [node for step, node in pairs if step.name in ends]
    users: dict[int, list[Any]] = {}
    for node in nodes:
        for source in {id(n): n for n in (*node._args, *node._hidden)}.values():
            users.setdefault(id(source), []).append(node)
    known = {id(p): p for p in parameters}
    for parameter in changes or ():
        if id(parameter) not in known:
            raise OptimizerError(f"{parameter!r} is no parameter of this optimizer")
    values = {id(p): value for p, value in (changes or {}).items()}
    found = []
    for parameter in known.values():
        reached = _reached(parameter, users)
        for output in outputs:
            if id(output) in reached and output is not parameter:
                other = id(parameter) in values
                after = replay(output, {parameter: values[id(parameter)]}) if other else None
                way = _way(output, reached)
                found.append(
                    Blame(parameter, output, way, len(reached) - 1, output.recorded, after)
                )
    return tuple(sorted(found, key=lambda blame: len(blame.way)))


def _reached(parameter: Any, users: Mapping[int, list[Any]]) -> dict[int, tuple[Any, Any]]:
    """All that depends on a parameter: by id, the node, and the one it is nearest through."""
    found: dict[int, tuple[Any, Any]] = {id(parameter): (parameter, None)}
    queue = deque([parameter])
    while queue:
        node = queue.popleft()
        for user in users.get(id(node), ()):
            if id(user) not in found:
                found[id(user)] = (user, node)
                queue.append(user)
    return found


def _way(output: Any, reached: Mapping[int, tuple[Any, Any]]) -> tuple[str, ...]:
    names, node = [], output
    while node is not None:
        node, before = reached[id(node)]
        names.append(node.py_name)
        node = before
    return tuple(names[-2::-1])
