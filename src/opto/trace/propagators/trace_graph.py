"""TraceGraph: the part of a run that feedback has passed through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.errors import BackwardError
from opto.trace.feedback import Feedback
from opto.trace.order import ancestors, levels
from opto.trace.propagators.propagators import AbstractFeedback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["TraceGraph"]


class TraceGraph(AbstractFeedback):
    """The nodes that feedback has passed, and the feedback.

    At a parameter it holds what the parameter's effect on the output can be seen from:
    the output, and the inputs of every step between the two.

    Parts are linked, not copied, when graphs are added or passed on: propagating is one
    link a step, and the list of nodes is worked out once, when it is asked for.

    Args:
        graph: pairs of level and node.
        user_feedback: what was said about the output: any object, or a `Feedback`.

    Source: the minimal subgraph of the Trace paper (arXiv 2406.16218, section 3).
    """

    __slots__ = ("_graph", "_own", "_parts", "feedback")

    def __init__(self, graph: Iterable[tuple[int, Any]] = (), user_feedback: Any = None) -> None:
        self._own: Sequence[Any] = [node for _, node in graph]
        self._parts: Sequence[TraceGraph] = ()
        self._graph: list[tuple[int, Any]] | None = None
        self.feedback: Feedback = _as_feedback(user_feedback, self._own)

    @classmethod
    def linked(cls, parts: Sequence[TraceGraph], nodes: Sequence[Any] = ()) -> TraceGraph:
        """All of `parts`, and `nodes` with no feedback of their own."""
        new = cls.__new__(cls)
        new._own, new._parts, new._graph = nodes, parts, None
        if len(parts) == 1:
            new.feedback = parts[0].feedback
        else:
            new.feedback = Feedback.total(part.feedback for part in parts)
        return new

    @classmethod
    def empty(cls) -> TraceGraph:
        """A graph without nodes and feedback."""
        return cls()

    @property
    def user_feedback(self) -> Any:
        """What was said: the object itself, or the text of all that was said."""
        return self.feedback.content

    @property
    def is_empty(self) -> bool:
        """Whether there are no nodes in it."""
        return not self.nodes

    @property
    def nodes(self) -> list[Any]:
        """The nodes, by level and then in the order in which they were made."""
        return [node for _, node in self.graph]

    @property
    def graph(self) -> list[tuple[int, Any]]:
        """Pairs of level and node, sorted: inputs stand before what uses them."""
        if self._graph is None:
            found: dict[int, Any] = {}
            seen, stack = {id(self)}, [self]
            while stack:
                part = stack.pop()
                found.update((id(node), node) for node in part._own)
                for linked in part._parts:
                    if id(linked) not in seen:
                        seen.add(id(linked))
                        stack.append(linked)
            level = levels(ancestors(*found.values()))
            pairs = [(level[i], node) for i, node in found.items()]
            self._graph = sorted(pairs, key=lambda pair: (pair[0], pair[1]._serial))
        return self._graph

    def __add__(self, other: Any) -> TraceGraph:
        if not isinstance(other, TraceGraph):
            return NotImplemented
        return self if self is other else TraceGraph.linked((self, other))

    def __len__(self) -> int:
        return len(self.graph)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return iter(self.graph)

    def __bool__(self) -> bool:
        return bool(self.feedback) or bool(self._own) or bool(self._parts)

    def __repr__(self) -> str:
        return f"TraceGraph({len(self)} nodes, user_feedback={self.user_feedback!r})"

    def visualize(
        self,
        simple_visualization: bool = True,
        reverse_plot: bool = False,
        print_limit: int = 100,
    ) -> Any:
        """A picture of the graph, as `Node.backward(visualize=True)` gives."""
        return plug("view.digraph")(
            self.nodes,
            output=self.nodes[-1] if self.nodes else None,
            simple_visualization=simple_visualization,
            reverse_plot=reverse_plot,
            print_limit=print_limit,
        )

    @classmethod
    def expand(cls, node: Any) -> TraceGraph:
        """What happened inside a call of a function with ``traceable_code=True``.

        Args:
            node: the result of the call.

        Returns:
            The graph from the function's inputs to what it returned.

        Raises:
            BackwardError: the node is not the result of such a call.
        """
        inner = node.info.get("output")
        if not hasattr(inner, "_args"):
            raise BackwardError(
                f"{node.name} has no inner graph to expand; only results of functions "
                "bundled with traceable_code=True keep one"
            )
        inside = {id(n): n for n in ancestors(inner) if n._serial >= node.info["opened"]}
        given = {id(a): a for n in inside.values() for a in n._args}
        return cls((0, n) for n in {**given, **inside}.values())


def _as_feedback(said: Any, nodes: Sequence[Any]) -> Feedback:
    if isinstance(said, Feedback):
        return said
    return Feedback() if said is None else Feedback.about(nodes[-1] if nodes else None, said)
