"""What a picture of a run shows: boxes and arrows, frozen, not yet placed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.errors import OptoError
from opto.trace.graph import names_of
from opto.trace.propagators.opening import opens
from opto.view.scenes import missing, number, origin, scenes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opto.view.scenes import Scenes

__all__ = ["Arrow", "Box", "Picture", "showable"]

# What no XML document may hold, what ends a C string, what moves a terminal's cursor, and what
# turns the direction of writing: shown as the sign for "no sign".
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_IDENTITIES = frozenset({"identity", "clone"})


@dataclass(frozen=True, slots=True)
class Box:
    """A value of the run.

    Attributes:
        name: its Python name, unique in the picture.
        kind: ``"node"``, ``"parameter"``, ``"message"`` or ``"exception"``.
        description: what it is, or None.
        value: its text.
        inside: what happened inside the call that it is the result of, where that is shown.
        outside: whether the value is from outside of the picture, which is then that of
            the inside of a call.
    """

    name: str
    kind: str
    description: str | None
    value: str
    inside: Picture | None = None
    outside: bool = False

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

    A name stands for one value in all of a picture, the insides of its boxes included.

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
        expand: int | None = 0,
    ) -> Picture:
        """The picture of `nodes`.

        Args:
            nodes: the nodes to show. An arrow is drawn for each input among them, once.
            output: the node that is always shown, even where it is a copy.
            simple_visualization: leave copies (identity, clone) out: arrows pass through.
            reverse_plot: arrows from results to inputs.
            print_limit: how many characters of a description or a value are shown.
            expand: how many levels of calls within calls are shown with their inside, where
                functions with ``traceable_code=True`` have made the nodes; None for all.

        Raises:
            OptoError: `expand` is negative.
        """
        if expand is not None and expand < 0:
            raise OptoError(f"expand must be None, for all levels, or a number; not {expand}")
        view = _View(simple_visualization, reverse_plot, print_limit)
        nodes = list(nodes)
        scenes = scenes_of(nodes, expand)
        nodes += missing(nodes, scenes)
        named = {number(node): node for node in view.shown(nodes, output)}
        for scene in scenes.values():
            for node in view.shown(scene.nodes, scene.nodes[-1]):
                named.setdefault(number(node), origin(node))
        names = names_of(named.values())
        return view.picture(nodes, output, {i: names[n] for i, n in named.items()}, scenes)

    @property
    def opens(self) -> bool:
        """Whether a box in it has an inside."""
        return any(box.inside is not None for box in self.boxes)


@dataclass(frozen=True, slots=True)
class _View:
    """The options of a picture."""

    simple: bool
    reverse: bool
    limit: int

    def shown(self, nodes: Iterable[Any], output: Any) -> list[Any]:
        return [n for n in nodes if n is output or not (self.simple and _is_copy(n))]

    def picture(
        self, nodes: list[Any], output: Any, names: dict[int, str], scenes: Scenes
    ) -> Picture:
        """The picture of `nodes`, of which those with a scene have an inside."""
        shown = {number(node): node for node in self.shown(nodes, output)}
        hidden = {id(node) for node in nodes if number(node) not in shown}
        arrows = {}
        for place, node in shown.items():
            scene = scenes.get(node._serial) if opens(node) else None
            for parent in (*node.parents, *(scene.outer if scene else ())):
                while id(parent) in hidden:
                    parent = parent.parents[0]  # noqa: PLW2901 - the original behind the copy
                if number(parent) in shown:
                    ends = names[number(parent)], names[place]
                    arrows[ends] = Arrow(*(reversed(ends) if self.reverse else ends))
        boxes = tuple([self._box(node, names, scenes) for node in shown.values()])
        return Picture(boxes, tuple(arrows.values()))

    def _box(self, node: Any, names: dict[int, str], scenes: Scenes) -> Box:
        value = _value(node)
        if isinstance(value, dict) and "content" in value:
            value = value["content"]
        words = None if node.description is None else _cut(node.description, self.limit)
        text = _cut(_text(value), self.limit)
        box = Box(names[number(node)], node.kind, words, text)
        scene = scenes.get(node._serial) if opens(node) else None
        if scene is None:
            return box
        inside = self.picture(scene.nodes, scene.nodes[-1], names, scenes)
        outer = {names[i] for i in map(number, scene.outer) if i in names}
        boxes = tuple(replace(b, outside=b.name in outer) for b in inside.boxes)
        return replace(box, inside=replace(inside, boxes=boxes))


def showable(text: str) -> str:
    r"""`text` as a file of any format can hold it.

    Example:
        >>> showable("bell: \x07")
        'bell: �'
    """
    return _UNSHOWABLE.sub("\ufffd", text)


def _value(node: Any) -> Any:
    # Not `recorded`: looking at a program is no read of it.
    before = node._extras.before
    return node._data if before is None or before[0] is not node._data else before[1]


def _is_copy(node: Any) -> bool:
    return node.op_name in _IDENTITIES and len(node.parents) == 1


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown hides no graph
        return f"({type(value).__name__}, whose str() raises {type(error).__name__})"


def _cut(text: str, limit: int) -> str:
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return showable(cut.replace("\r\n", "\n").replace("\r", "\n"))
