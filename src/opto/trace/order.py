"""The order of graphs, and names that are unique in one.

Works on anything that has inputs (`_args`) and a place in time (`_serial`), so it
stands below the nodes. Nothing here recurses: graphs are as deep as programs are long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ancestors", "distinct", "levels", "names_of"]


def ancestors(*nodes: Any) -> list[Any]:
    """`nodes` and all that they were computed from, parents before children.

    Example:
        >>> from opto.trace import node
        >>> x = node(1, name="a")
        >>> [n.data for n in ancestors(x + x)]
        [1, 2]
    """
    seen: dict[int, Any] = {id(n): n for n in nodes}
    stack = list(seen.values())
    while stack:
        for parent in stack.pop()._args:
            if id(parent) not in seen:
                seen[id(parent)] = parent
                stack.append(parent)
    return sorted(seen.values(), key=_creation)


def _creation(node: Any) -> int:
    serial: int = node._serial
    return serial


def levels(ordered: Iterable[Any]) -> dict[int, int]:
    """The level of each node by its `id`: 0 for roots, else one more than its parents'.

    Args:
        ordered: nodes with all their ancestors, parents first.
    """
    level: dict[int, int] = {}
    for node in ordered:
        deepest = -1
        for arg in node._args:
            if level[id(arg)] > deepest:  # noqa: PLR1730 - a call of max() takes twice as long
                deepest = level[id(arg)]
        level[id(node)] = deepest + 1
    return level


def names_of(nodes: Iterable[Any]) -> dict[Any, str]:
    """A name for each node, unique among them.

    Names lose their colon in prompts, so that ``x1:0`` and ``x:10`` would be one; the
    later of two gets an underscore and a number.

    Example:
        >>> from opto.trace import GRAPH, node
        >>> GRAPH.clear()
        >>> nodes = [node(1, name="x1"), *(node(i, name="x") for i in range(11))]
        >>> names = names_of(nodes)
        >>> names[nodes[0]], names[nodes[11]]
        ('x10', 'x10_2')
    """
    different = list(dict.fromkeys(nodes))
    return dict(zip(different, distinct(n.py_name for n in different)))  # noqa: B905 - of one length


def distinct(names: Iterable[str]) -> list[str]:
    """`names`, where each that was there before gets an underscore and a number.

    Example:
        >>> distinct(["x", "y", "x", "x"])
        ['x', 'y', 'x_2', 'x_3']
    """
    taken: set[str] = set()
    copies: dict[str, int] = {}
    found = []
    for plain in names:
        name = plain
        while name in taken:
            copies[plain] = copies.get(plain, 1) + 1
            name = f"{plain}_{copies[plain]}"
        taken.add(name)
        found.append(name)
    return found
