"""What a picture of a run shows: boxes and arrows, frozen, not yet placed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.trace.graph import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Arrow", "Box", "Picture", "showable"]

# What no XML document may hold and what ends a C string: shown as the sign for "no sign".
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_IDENTITIES = frozenset({"identity", "clone"})


@dataclass(frozen=True, slots=True)
class Box:
    """A value of the run.

    Attributes:
        name: its Python name, unique in the picture.
        kind: ``"node"``, ``"parameter"``, ``"message"`` or ``"exception"``.
        description: what it is, or None.
        value: its text.
    """

    name: str
    kind: str
    description: str | None
    value: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Name, description (if there is one) and value."""
        return tuple(text for text in (self.name, self.description, self.value) if text is not None)


@dataclass(frozen=True, slots=True)
class Arrow:
    """A use of one box by another, by their names."""

    tail: str
    head: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The boxes and arrows of a run.

    Example:
        >>> from opto.trace import node
        >>> x = node(3, name="x", description="how many")
        >>> y = x + 1
        >>> picture = Picture.of([x, *y.parents[1:], y], output=y)
        >>> picture.boxes[0].lines
        ('x0', 'how many', '3')
        >>> [(arrow.tail, arrow.head) for arrow in picture.arrows]
        [('x0', 'add0'), ('int0', 'add0')]
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @classmethod
    def of(
        cls,
        nodes: Iterable[Any],
        output: Any = None,
        *,
        simple_visualization: bool = True,
        reverse_plot: bool = False,
        print_limit: int = 100,
    ) -> Picture:
        """The picture of `nodes`.

        Args:
            nodes: the nodes to show. An arrow is drawn for each input among them, once.
            output: the node that is always shown, even where it is a copy.
            simple_visualization: leave copies (identity, clone) out: arrows pass through.
            reverse_plot: arrows from results to inputs.
            print_limit: how many characters of a description or a value are shown.
        """
        nodes = list(nodes)
        hidden = {
            id(node)
            for node in nodes
            if simple_visualization and node is not output and _is_copy(node)
        }
        shown = [node for node in nodes if id(node) not in hidden]
        names = names_of(shown)
        arrows = {}
        for node in shown:
            for parent in node.parents:
                while id(parent) in hidden:
                    parent = parent.parents[0]  # noqa: PLW2901 - the original behind the copy
                if parent in names:
                    ends = names[parent], names[node]
                    arrows[ends] = Arrow(*(reversed(ends) if reverse_plot else ends))
        boxes = tuple(_box(node, names[node], print_limit) for node in shown)
        return cls(boxes, tuple(arrows.values()))


def showable(text: str) -> str:
    r"""`text` as a file of any format can hold it.

    Example:
        >>> showable("bell: \x07")
        'bell: �'
    """
    return _UNSHOWABLE.sub("\ufffd", text)


def _is_copy(node: Any) -> bool:
    return node.op_name in _IDENTITIES and len(node.parents) == 1


def _box(node: Any, name: str, limit: int) -> Box:
    # Not `data`: looking at a program is no read of it.
    value = node.recorded
    if isinstance(value, dict) and "content" in value:
        value = value["content"]
    description = None if node.description is None else _cut(node.description, limit)
    return Box(name, node.kind, description, _cut(_text(value), limit))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown hides no graph
        return f"({type(value).__name__}, whose str() raises {type(error).__name__})"


def _cut(text: str, limit: int) -> str:
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return showable(cut.replace("\r\n", "\n").replace("\r", "\n"))
