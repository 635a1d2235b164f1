"""A picture with insides as one graph: the boxes of an inside form a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opto.view.picture import showable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.view.picture import Arrow, Box, Picture

__all__ = ["Group", "arrows_of", "grouped"]


@dataclass(frozen=True, slots=True)
class Group:
    """Boxes that stand together.

    Attributes:
        box: the call whose inside they are; None for the whole picture.
        boxes: those that do not open.
        groups: those that do.
    """

    box: Box | None
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]

    @property
    def name(self) -> str:
        """The name by which Graphviz knows that they are to be drawn together."""
        return f"cluster_{self.box.name}" if self.box else ""

    def dot(self) -> dict[str, str]:
        """The attributes that Graphviz knows, in the order in which it writes them."""
        if self.box is None:
            return {}
        words = (self.box.name, self.box.description)
        label = showable("\n".join(text for text in words if text is not None))
        return {"color": "#5C9BD5", "label": label, "style": "rounded,dashed"}


def grouped(picture: Picture) -> Group:
    """The boxes of `picture`, each value once.

    What is from outside of a call stands where it was made.
    """
    return _group(None, picture)


def arrows_of(picture: Picture) -> tuple[Arrow, ...]:
    """The arrows of `picture`: into a call that is open, they go on to what used the value."""
    arrows: dict[tuple[str, str], Arrow] = {}
    for one in _pictures(picture):
        used = {
            box.name: {part.name for part in box.inside.boxes if part.outside}
            for box in one.boxes
            if box.inside is not None
        }
        for arrow in one.arrows:
            if arrow.tail in used.get(arrow.head, ()) or arrow.head in used.get(arrow.tail, ()):
                continue
            arrows.setdefault((arrow.tail, arrow.head), arrow)
    return tuple(arrows.values())


def _pictures(picture: Picture) -> Iterator[Picture]:
    todo = [picture]
    while todo:
        one = todo.pop()
        yield one
        todo += [box.inside for box in reversed(one.boxes) if box.inside is not None]


def _group(box: Box | None, picture: Picture) -> Group:
    return Group(
        box,
        tuple([part for part in picture.boxes if part.inside is None and not part.outside]),
        tuple([_group(part, part.inside) for part in picture.boxes if part.inside is not None]),
    )
