"""Where the boxes and arrows of a picture go: text is measured here, `graphlay` places it."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.errors import OptoError

if TYPE_CHECKING:
    from opto.view.picture import Box, Picture

__all__ = ["Layout", "Line", "Place", "Route", "place"]

# Sizes in pixels. Letters of a fixed-width font are 0.6 of its height wide, so that
# texts can be measured without a font at hand.
LETTER = 0.605
_COLUMNS, _ROWS = 38, 12
_PADDING = 14.0, 8.0
_GAP = 2.0
_FRAME = 14.0

# Beyond these a drawing takes minutes and cannot be read.
_LIMITS = {"max_nodes": 1500, "max_dummies": 6000}
_OPTIONS = {
    "direction": "topbottom",
    "limits": _LIMITS,
    "routing": {"style": "orthogonal", "merge_edges": "forks", "lane_gap": 12.0},
    "spacing": {"layer_gap": 44.0, "node_gap": 28.0, "dummy_gap": 16.0},
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a box: what it is part of, where it stands, and its words.

    Attributes:
        part: ``"name"``, ``"words"`` or ``"value"``.
        x: left end of the line, or its middle if `centred`; from the left of the box.
        y: its baseline, from the top of the box.
        centred: false for lines whose indentation means something.
        text: the words.
    """

    part: str
    x: float
    y: float
    centred: bool
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A box with its left upper corner, its size, its lines of text, and its placed inside."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    lines: tuple[Line, ...]
    inside: Layout | None = None

    @property
    def corner(self) -> tuple[float, float]:
        """The left upper corner of the inside."""
        if self.inside is None:
            return self.x, self.y
        left = (self.width - self.inside.width) / 2
        return self.x + left, self.y + self.height - self.inside.height - _FRAME


@dataclass(frozen=True, slots=True)
class Route:
    """The corners of an arrow from border to border."""

    tail: str
    head: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed picture, its left upper corner at 0, 0."""

    width: float
    height: float
    places: tuple[Place, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """How a part of a box is set: letters of `size` in rows of `height`."""

    size: float
    height: float


PARTS = {"name": _Part(13.0, 19.0), "words": _Part(11.0, 15.0), "value": _Part(12.0, 16.0)}


def place(picture: Picture) -> Layout:
    """Lay out `picture`, inputs above what uses them.

    Raises:
        OptoError: the extra ``view`` is not installed, or the picture is too large.
    """
    try:
        # lazy: an optional package, needed only when a picture is drawn
        import graphlay
    except ImportError as missing:
        raise OptoError(
            "drawing a picture without Graphviz needs the package graphlay; "
            'install it by: pip install "trace-opt[view]". '
            "Its DOT text (.source) can be drawn by any Graphviz"
        ) from missing
    graph = graphlay.Graph()
    measured = [_measured(box) for box in picture.boxes]
    for one in measured:
        # The engine draws nothing: it need not know the texts.
        graph.node(one.box.name, width=one.width, height=one.height, label="")
    for arrow in picture.arrows:
        graph.edge(arrow.tail, arrow.head)
    effort = "balanced" if len(measured) <= 100 else "fast"
    try:
        made = graphlay.layout(graph, options={**_OPTIONS, "effort": effort})
    except graphlay.GraphlayError as error:
        raise OptoError(
            f"a picture of {len(picture.boxes)} boxes and {len(picture.arrows)} arrows cannot "
            f"be drawn ({error}); draw a part of the run, or give its DOT text (.source) to "
            "Graphviz"
        ) from error
    return _layout(picture, measured, made)


def _layout(picture: Picture, measured: list[Place], made: Any) -> Layout:
    low, high = made.bounds["min"], made.bounds["max"]
    places = tuple(
        replace(
            one,
            x=node["center"]["x"] - one.width / 2 - low["x"],
            y=node["center"]["y"] - one.height / 2 - low["y"],
        )
        for one, node in zip(measured, made.nodes, strict=True)
    )
    routes = tuple(
        Route(
            arrow.tail,
            arrow.head,
            tuple((point["x"] - low["x"], point["y"] - low["y"]) for point in edge["points"]),
        )
        for arrow, edge in zip(picture.arrows, made.edges, strict=True)
    )
    return Layout(high["x"] - low["x"], high["y"] - low["y"], places, routes)


def _measured(box: Box) -> Place:
    """`box` with its lines set and its size known, not yet placed."""
    # The value of a call that is open is that of the last box in it.
    inside = None if box.inside is None else place(box.inside)
    rows = [
        *(("name", row) for row in _wrapped(box.name)),
        *(("words", row) for row in _wrapped(box.description or "") if row),
        *(("value", row) for row in _wrapped(box.value) if inside is None),
    ]
    width = max(_columns(row) * LETTER * PARTS[part].size for part, row in rows)
    width += 2 * _PADDING[0]
    if inside is not None:
        width = max(width, inside.width + 2 * _FRAME)
    # Code and lists of points would lose their form if each line were centred.
    formed = "\n" in box.value
    y = _PADDING[1]
    lines = []
    before = "name"
    for part, row in rows:
        y += PARTS[part].height + (_GAP if part != before else 0.0)
        before = part
        left = formed and part == "value"
        # A baseline leaves room for the tails of letters below it.
        baseline = y - PARTS[part].height * 0.3
        lines.append(Line(part, _PADDING[0] if left else width / 2, baseline, not left, row))
    height = y + _PADDING[1] + (0.0 if inside is None else inside.height + _FRAME)
    return Place(box, 0.0, 0.0, width, height, tuple(lines), inside)


def _wrapped(text: str) -> list[str]:
    """`text` in rows of bounded number and length; indentation stays, as it may be code."""
    rows: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        first, *more = textwrap.wrap(line, _COLUMNS, drop_whitespace=False) or [""]
        rows += [first.rstrip(), *(row.strip() for row in more)]
    return rows if len(rows) <= _ROWS else [*rows[: _ROWS - 1], "..."]


def _columns(text: str) -> int:
    # Chinese and its like, and most emoji, are two letters wide.
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
