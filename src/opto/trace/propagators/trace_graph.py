"""TraceGraph: the part of a run that feedback has passed through."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.errors import BackwardError
from opto.trace.feedback import Feedback
from opto.trace.order import ancestors, levels
from opto.trace.propagators.opening import flat, opens
from opto.trace.propagators.propagators import AbstractFeedback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["TraceGraph"]


class TraceGraph(AbstractFeedback):
    """The nodes that feedback has passed, and the feedback.

    At a parameter it holds what the parameter's effect on the output can be seen from:
    the output, and the inputs of every step between the two.

    Parts are linked, not copied, when graphs are added or passed on, and the list of nodes
    is worked out once, when it is asked for.

    Args:
        graph: pairs of level and node.
        user_feedback: what was said about the output: any object, or a `Feedback`.

    Source: the minimal subgraph of the Trace paper (arXiv 2406.16218, section 3).
    """

    __slots__ = ("_from", "_graph", "_own", "_parts", "_way", "feedback")
    _stands: Mapping[int, Any] = MappingProxyType({})

    def __init__(self, graph: Iterable[tuple[int, Any]] = (), user_feedback: Any = None) -> None:
        self._own: Sequence[Any] = [node for _, node in graph]
        self._parts: Sequence[TraceGraph] = ()
        # The steps of a pass, inputs first, and the one of them where this graph begins.
        self._way: Sequence[Any] = ()
        self._from: Any = None
        self._graph: list[tuple[int, Any]] | None = None
        self.feedback: Feedback = _as_feedback(user_feedback, self._own)

    @classmethod
    def linked(cls, parts: Sequence[TraceGraph], nodes: Sequence[Any] = ()) -> TraceGraph:
        """All of `parts`, and `nodes` with no feedback of their own."""
        new = cls.__new__(cls)
        new._own, new._parts, new._way, new._from, new._graph = nodes, parts, (), None, None
        if len(parts) == 1:
            new.feedback = parts[0].feedback
        else:
            new.feedback = Feedback.total(part.feedback for part in parts)
        return new

    @classmethod
    def along(cls, way: Sequence[Any], start: Any, feedback: Feedback) -> TraceGraph:
        """What feedback passed between the end of a pass and one of its steps.

        Args:
            way: the steps of the pass, inputs before what uses them; the last is the output.
            start: the step whose inputs are to have this graph.
            feedback: what was said about the output.
        """
        new = cls.__new__(cls)
        new._own, new._parts, new._way, new._from, new._graph = (), (), way, start, None
        new.feedback = feedback
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
            found = self._found()
            level = levels(ancestors(*found.values()))
            pairs = [(level[i], node) for i, node in found.items()]
            self._graph = sorted(pairs, key=lambda pair: (pair[0], pair[1]._serial))
        return self._graph

    def _found(self) -> dict[int, Any]:
        """The nodes, by `id`."""
        found: dict[int, Any] = {}
        ways: dict[int, tuple[Sequence[Any], set[int]]] = {}
        seen, stack = {id(self)}, [self]
        while stack:
            part = stack.pop()
            found.update((id(node), node) for node in part._own)
            if part._way:
                ways.setdefault(id(part._way), (part._way, set()))[1].add(id(part._from))
            for linked in part._parts:
                if id(linked) not in seen:
                    seen.add(id(linked))
                    stack.append(linked)
        for way, reached in ways.values():
            _follow(way, reached, found)
        return found

    def __add__(self, other: Any) -> TraceGraph:
        if not isinstance(other, TraceGraph):
            return NotImplemented
        return self if self is other else TraceGraph.linked((self, other))

    def __len__(self) -> int:
        return len(self.graph)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return iter(self.graph)

    def __bool__(self) -> bool:
        return any(map(bool, (self.feedback, self._own, self._parts, self._way)))

    def __repr__(self) -> str:
        return f"TraceGraph({len(self)} nodes, user_feedback={self.user_feedback!r})"

    def visualize(
        self,
        simple_visualization: bool = True,
        reverse_plot: bool = False,
        print_limit: int = 100,
        expand: int | None = 0,
    ) -> Any:
        """A picture of the graph, as `Node.backward(visualize=True)` gives.

        Args:
            simple_visualization: leave copies of a value out of the picture.
            reverse_plot: draw arrows from results to inputs.
            print_limit: how many characters of a value the picture shows.
            expand: how many levels of calls of functions with ``traceable_code=True`` are
                shown with what happened inside, each in a frame that is its box; None for
                all. In a notebook such a box opens at a click; ``.save("run.html")`` of an
                `opto.view.Dot` writes a page on which it does.
        """
        return plug("view.digraph")(
            self.nodes,
            output=self.nodes[-1] if self.nodes else None,
            simple_visualization=simple_visualization,
            reverse_plot=reverse_plot,
            print_limit=print_limit,
            expand=expand,
        )

    @classmethod
    def expand(cls, node: Any, depth: int | None = 1) -> TraceGraph:
        """What happened inside a call of a function with ``traceable_code=True``.

        Args:
            node: the result of the call.
            depth: how many levels of such calls within it are opened; None for all.

        Returns:
            The graph from what the function was given to what it returned, with what was
            said about the output that `node` led to, if it was passed on by a
            `GraphPropagator`. The function worked on copies of its arguments: each stands
            here as the argument itself.

        Raises:
            BackwardError: the node is not the result of such a call, or the function
                returned a plain value, so that there is nothing inside.

        Example:
            >>> from opto.trace import bundle, node
            >>> from opto.trace.propagators import TraceGraph
            >>> p = node(2, name="p", trainable=True)
            >>> @bundle(traceable_code=True)
            ... def scaled(x):
            ...     return x * p + 1
            >>> y = scaled(node(3, name="x"))
            >>> [n.name.split(":")[0] for n in TraceGraph.expand(y).nodes]
            ['p', 'x', 'int', 'multiply', 'add']
        """
        _check_depth(depth, least=1)
        if getattr(node, "_extras", None) is None or not opens(node):
            what = getattr(node, "name", repr(node))
            raise BackwardError(
                f"{what} has no inner graph to expand; only results of functions bundled with "
                "traceable_code=True keep one, and only if they return nodes"
            )
        nodes, stands = flat([*node.parents, *node._hidden, node], depth, (node,))
        result = stands[node._serial]
        above = {id(n) for shown in ancestors(result) for n in (shown, *shown._hidden)}
        said = _renamed(_said_of(node), {node.py_name: result.py_name})
        return cls(((0, n) for n in nodes if id(n) in above), said)

    def opened(self, depth: int | None = None, calls: Iterable[Any] | None = None) -> TraceGraph:
        """The same graph with calls replaced by what happened inside them.

        Only results of functions with ``traceable_code=True`` can be opened; where there
        are none, the graph is returned as it is. A function that also looked at values
        that its result does not show remains a step, computed from what it looked at.

        Args:
            depth: how many levels of calls within calls are opened; None for all.
            calls: the results of the calls to open; None for all in the graph.

        Returns:
            One flat graph: copies of arguments stand as the arguments themselves, and
            what was said about a call is said about what it returned.

        Raises:
            BackwardError: one of `calls` is not in the graph or has nothing inside.

        Example:
            >>> from opto.trace import bundle, node
            >>> p = node(2, name="p", trainable=True)
            >>> @bundle(traceable_code=True)
            ... def scaled(x):
            ...     return x * p
            >>> y = scaled(node(3, name="x"))
            >>> y.backward("too small")
            >>> ((closed,),) = p.feedback.values()
            >>> [n.op_name for n in closed.nodes], [n.op_name for n in closed.opened().nodes]
            (['ParameterNode', 'Node', 'scaled'], ['ParameterNode', 'Node', 'multiply'])
        """
        _check_depth(depth, least=0)
        chosen = None if calls is None else {c._serial for c in calls}
        openable = {n._serial for n in self.nodes if opens(n)}
        if chosen is not None and not chosen <= openable:
            names = ", ".join(n.name for n in self.nodes if n._serial in openable) or "none"
            raise BackwardError(
                "only results of functions bundled with traceable_code=True that are in the "
                f"graph can be opened; here these are: {names}"
            )
        which = [n for n in self.nodes if n._serial in (openable if chosen is None else chosen)]
        if not which or depth == 0:
            return self
        nodes, stands = flat(self.nodes, depth, which, self._stands)
        said = _renamed(self.feedback, {n.py_name: stands[n._serial].py_name for n in which})
        new = _Opened(((0, n) for n in nodes), said)
        new._stands = stands
        return new


def _follow(way: Sequence[Any], reached: set[int], found: dict[int, Any]) -> None:
    """Add to `found` the end of `way`, and the inputs of all steps that `reached` leads to."""
    found[id(way[-1])] = way[-1]
    for step in way:
        args = step._args
        if id(step) not in reached:
            for arg in args:
                if id(arg) in reached:
                    reached.add(id(step))
                    break
            else:
                continue
        for node in args:
            found[id(node)] = node
        for node in step._hidden:
            found[id(node)] = node


class _Opened(TraceGraph):
    """A graph with opened calls, which knows what stands for them, if more are opened."""

    __slots__ = ("_stands",)


def _check_depth(depth: int | None, least: int) -> None:
    if depth is not None and depth < least:
        raise BackwardError(f"depth must be None, for all levels, or at least {least}; not {depth}")


def _said_of(node: Any) -> Feedback:
    """What was said about the outputs that `node` led to, as its parameters have heard it."""
    graphs: dict[int, TraceGraph] = {}
    for hearer in (node, *(n for n in ancestors(node) if n.kind == "parameter"), *node._hidden):
        for shares in hearer.feedback.values():
            graphs.update((id(g), g) for g in shares if isinstance(g, TraceGraph))
    about = [g for g in graphs.values() if any(n is node for n in g.nodes)]
    return Feedback.total(g.feedback for g in about)


def _renamed(feedback: Feedback, names: Mapping[str, str]) -> Feedback:
    return Feedback(
        tuple(replace(r, output=names.get(r.output, r.output)) for r in feedback.remarks)
    )


def _as_feedback(said: Any, nodes: Sequence[Any]) -> Feedback:
    if isinstance(said, Feedback):
        return said
    return Feedback() if said is None else Feedback.about(nodes[-1] if nodes else None, said)
