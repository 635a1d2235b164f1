"""Graph: a frozen snapshot of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from opto._plugs import plug
from opto.errors import NodeError, nearest
from opto.trace.feedback import Feedback
from opto.trace.hidden import settle
from opto.trace.order import ancestors, levels, names_of
from opto.trace.within import Calls
from opto.trace.written import level_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Graph", "Step", "ancestors", "levels", "names_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One value of a run and where it came from.

    Attributes:
        name: unique in its graph, such as ``"add0"``.
        value: what it was when it was used.
        kind: ``"node"``, ``"parameter"``, ``"message"`` or ``"exception"``.
        level: 0 for what was given, else one more than the deepest input.
        op: the operation that made it, or None for what was given.
        inputs: pairs of argument name and step name.
        documentation: what the operation does, tagged ``[op]``.
        description: what the user said of the value.
        constraint: what the user asked of it.
        trainable: whether an optimizer may change it.
        sandbox: how foreign code was held that made it (``"none"``, ``"process"``,
            ``"isolated"``); None where the user's own code did.
    """

    name: str
    value: Any
    kind: str
    level: int
    op: str | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    documentation: str | None = None
    description: str | None = None
    constraint: str | None = None
    trainable: bool = False
    sandbox: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A run, frozen: safe to keep, to send to another process, to draw.

    Attributes:
        steps: sorted by level, then by creation; inputs stand before what uses them.
        outputs: the names of the steps that feedback was said about.
        feedback: what was said.
        calls: the calls of modules in it; None where there are none, and in what was sent
            or read.
    """

    steps: tuple[Step, ...]
    outputs: tuple[str, ...] = ()
    feedback: Feedback = field(default_factory=Feedback)
    calls: Calls | None = field(default=None, repr=False, compare=False)
    # Filled when a step is first asked for by its name.
    _at: dict[str, Step] = field(default_factory=dict, init=False, repr=False, compare=False)
    # By their names; weak, so that a snapshot keeps no program alive.
    _ends: dict[str, ref[Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, *outputs: Any) -> Graph:
        """The snapshot of all that `outputs` were computed from.

        Args:
            outputs: nodes, or one object with `.nodes` and `.feedback` such as what
                `optimizer.trace_graph` gives: then only its nodes are in the snapshot.

        Example:
            >>> from opto.trace import node
            >>> graph = Graph.of(node(2, name="a") * 3)
            >>> [(s.kind, s.value, s.level) for s in graph.steps]
            [('node', 2, 0), ('node', 3, 0), ('message', 6, 1)]
        """
        if len(outputs) == 1 and not hasattr(outputs[0], "_args"):
            part = outputs[0]
            # What knows the levels of its nodes has them in order.
            pairs, feedback = getattr(part, "graph", None) or _ordered(part.nodes), part.feedback
        else:
            pairs, feedback = _ordered(_whole(outputs)), Feedback()
        names = {id(n): name for n, name in names_of(n for _, n in pairs).items()}
        said = {r.output for r in feedback.remarks}
        ends = (
            {id(n) for n in outputs} if not said else {id(n) for _, n in pairs if n.py_name in said}
        )
        steps = tuple([_step(n, level, names) for level, n in pairs])
        last = {names[id(n)]: n for _, n in pairs if id(n) in ends}
        graph = cls(steps, tuple(last), feedback, _calls(pairs))
        graph._ends.update((name, ref(n)) for name, n in last.items())
        return graph

    def __getitem__(self, name: str) -> Step:
        if not self._at:
            self._at.update((step.name, step) for step in self.steps)
        if name not in self._at:
            raise NodeError(f"no step of this graph is called {name!r}{nearest(name, self._at)}")
        return self._at[name]

    def __reduce__(self) -> Any:
        return Graph, (self.steps, self.outputs, self.feedback)

    def __len__(self) -> int:
        return len(self.steps)

    def replay(self, changes: Mapping[Any, Any]) -> dict[str, Any]:
        """What the outputs would have been if some steps had had other values.

        Each output by itself: only the steps that depend on a change are run again, as
        `opto.trace.replay` does it. The program must still be there: a snapshot that was
        sent or read has values, and no functions.

        Args:
            changes: other values, by node or by the name of a step.

        Returns:
            What came of it, a `Replay`, by the names of the outputs.

        Raises:
            NodeError: the program is gone, or no output depends on a change.

        Example:
            >>> from opto.trace import GRAPH, node
            >>> GRAPH.clear()
            >>> x, y = node(2, name="x", trainable=True), node(3, name="y", trainable=True)
            >>> total = (x * 10) + (y * 100)
            >>> Graph.of(total).replay({"x0": 5})
            {'add0': Replay(value=350, ran=('multiply0', 'add0'), error=None, at=None)}

        Source: issue 5, point 8.
        """
        outputs = {name: end() for name, end in self._ends.items()}
        if not outputs or any(end is None for end in outputs.values()):
            raise NodeError(
                "the program of this graph is not there any more, and a snapshot holds values, "
                "not functions: replay it while its outputs are alive"
            )
        found: dict[str, Any] = plug("trace.replays")(outputs, changes)
        return found

    def to_json(self) -> str:
        """The snapshot as JSON text; `from_json` reads it back.

        Values that JSON has no form for are kept as their text.
        """
        text: str = plug("trace.graph_to_json")(self)
        return text

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """The snapshot that `to_json` wrote.

        Raises:
            StoreError: the text is not of a snapshot.
        """
        graph: Graph = plug("trace.graph_from_json")(text)
        return graph


def _whole(outputs: tuple[Any, ...]) -> list[Any]:
    nodes = ancestors(*outputs)
    settle(nodes)
    hidden = {id(p): p for n in nodes for p in n._hidden}
    return ancestors(*nodes, *hidden.values()) if hidden else nodes


def _ordered(nodes: Iterable[Any]) -> list[tuple[int, Any]]:
    """Pairs of level and node, sorted by level and then by creation."""
    found = list(nodes)
    level = levels(ancestors(*found))
    return sorted([(level[id(n)], n) for n in found], key=lambda pair: (pair[0], pair[1]._serial))


def _step(node: Any, level: int, names: dict[int, str]) -> Step:
    inputs: tuple[tuple[str, str], ...] = ()
    for arg in node._args:
        if id(arg) not in names:  # an input that is not among the nodes: the step is a given
            break
    else:
        inputs = tuple([(k, names[id(n)]) for k, n in _inputs(node) if id(n) in names])
    given, more = node._op is None, node._extras
    return Step(
        names[id(node)],
        node.recorded,
        node.kind,
        level,
        node.op_name if inputs else None,
        inputs,
        None if given else node._description,
        node.description if given else None,
        more.constraint,
        more.trainable,
        level_of(node),
    )


def _calls(pairs: list[tuple[int, Any]]) -> Calls | None:
    ended = {at: n._extras.calls for at, (_, n) in enumerate(pairs) if n._extras.calls}
    return Calls(tuple([n._serial for _, n in pairs]), ended) if ended else None


def _inputs(node: Any) -> Iterable[tuple[str, Any]]:
    hidden = node._hidden
    given: Iterable[tuple[str, Any]] = node.inputs.items()
    return [*given, *((p.py_name, p) for p in hidden)] if hidden else given
