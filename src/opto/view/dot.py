"""The picture that a program gets: of the `graphviz` package where it is installed, else ours."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from opto.view.picture import Picture
from opto.view.text import Dot

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["digraph"]


def digraph(
    nodes: Iterable[Any],
    output: Any = None,
    simple_visualization: bool = True,
    reverse_plot: bool = False,
    print_limit: int = 100,
    expand: int | None = 0,
) -> Any:
    """The picture of `nodes`, as `Node.backward(visualize=True)` returns it.

    The arguments are those of `Picture.of`. A call of a function with ``traceable_code=True``
    is one box, unless `expand` opens it: then its inside stands within a frame (for
    Graphviz, a cluster), and in a notebook each such box opens at a click.

    Returns:
        A `graphviz.Digraph` where that package is installed, a `Dot` otherwise. Notebooks
        show both as a drawing, with or without the program ``dot``.

    Example:
        >>> from opto.trace import node
        >>> x = node("a", name="x")
        >>> y = x.upper()
        >>> "x0 -> upper0" in digraph([x, y], output=y).source
        True
    """
    picture = Picture.of(
        nodes,
        output,
        simple_visualization=simple_visualization,
        reverse_plot=reverse_plot,
        print_limit=print_limit,
        expand=expand,
    )
    dot = Dot(picture)
    if find_spec("graphviz") is None:
        return dot
    # lazy: an optional package, needed only when a picture is asked for
    from opto.view.graphviz import Digraph

    return Digraph.of(dot)
