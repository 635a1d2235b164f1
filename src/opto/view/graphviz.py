"""A picture as an object of the `graphviz` package, which also works without its ``dot``.

That package only writes DOT text; it draws by a program that many machines lack.
"""

from __future__ import annotations

from typing import Any

import graphviz

from opto.view.groups import Group, arrows_of, grouped
from opto.view.picture import showable
from opto.view.style import style_of
from opto.view.text import Dot, escaped

__all__ = ["Digraph"]


class Digraph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that notebooks show as a drawing even without Graphviz."""

    # Set after construction, since graphviz copies by its own constructor's arguments.
    _dot: Dot | None = None

    @classmethod
    def of(cls, dot: Dot) -> Digraph:
        """The graph that `dot` shows."""
        graph = cls()
        _fill(graph, grouped(dot.picture))
        for arrow in arrows_of(dot.picture):
            graph.edge(escaped(arrow.tail), escaped(arrow.head))
        graph._dot = dot
        return graph

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, **options: Any
    ) -> dict[str, str]:
        try:
            shown: dict[str, str] = super()._repr_mimebundle_(include, exclude, **options)
        except graphviz.ExecutableNotFound:
            shown = {"text/plain": self.source}
        # The user may have added to the graph since; ours would not show that.
        if self._dot is None or self._dot.source != self.source:
            return shown
        drawn = "image/svg+xml" in shown
        return (
            shown if drawn and not self._dot.opens else {**self._dot._repr_mimebundle_(), **shown}
        )


def _fill(graph: Any, group: Group) -> None:
    for box in group.boxes:
        # Marked as text by graphviz.escape, or a "<" would begin what it calls HTML.
        label = graphviz.escape(showable("\n".join(box.lines)))
        graph.node(escaped(box.name), label=label, **style_of(box.kind).dot())
    for part in group.groups:
        with graph.subgraph(name=escaped(part.name)) as inner:
            look = part.dot()
            inner.attr("graph", **{**look, "label": graphviz.escape(look["label"])})
            _fill(inner, part)
