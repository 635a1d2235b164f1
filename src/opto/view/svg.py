"""A picture as SVG text, without the ``dot`` program."""

from __future__ import annotations

from html import escape
from math import dist, hypot
from types import MappingProxyType
from typing import TYPE_CHECKING

from opto.view.layout import PARTS, place
from opto.view.picture import showable
from opto.view.style import style_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opto.view.layout import Layout, Place, Route
    from opto.view.picture import Picture

    Point = tuple[float, float]

__all__ = ["svg"]

_MARGIN = 16.0
_CORNER = 8.0
_TIP = 8.0
_GRAY = "#8A94A0"
_INK = "#1F2933"
_WEIGHT = {"name": ' font-weight="bold"'}
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def svg(picture: Picture, links: Mapping[str, str] = MappingProxyType({})) -> str:
    """The drawing of `picture`, whole and self-contained: no script, no font file.

    A box with an inside is drawn as a frame around it.

    Args:
        picture: what is drawn.
        links: by the name of a box, where a click on it leads.

    Raises:
        OptoError: the extra ``view`` is not installed, or the picture is too large.
    """
    layout = place(picture)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    corner = f"{-_MARGIN:g}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{corner} {corner} {width:g} {height:g}" font-family="{_FONT}" '
        f'role="img" aria-label="A run of {len(picture.boxes)} values">'
    )
    # A page of its own, since notebooks may be dark.
    page = (
        f'<rect x="{corner}" y="{corner}" width="{width:g}" height="{height:g}" '
        'rx="10" fill="#FFFFFF"/>'
    )
    return "\n".join([head, page, *_parts(layout, links), "</svg>", ""])


def _parts(layout: Layout, links: Mapping[str, str]) -> list[str]:
    parts = [line for route in layout.routes for line in _arrow(route)]
    for placed in layout.places:
        if placed.box.name in links:
            parts += [f'<a href="{_safe(links[placed.box.name])}">', *_box(placed)]
            parts += [*_sign(placed), "</a>"]
        else:
            parts += _box(placed)
        if placed.inside is not None:
            x, y = placed.corner
            parts += [f'<g transform="translate({x:g} {y:g})">', *_parts(placed.inside, links)]
            parts.append("</g>")
    return parts


def _sign(placed: Place) -> Iterator[str]:
    """The sign that a box opens."""
    x, y, ink = placed.x + placed.width - 4, placed.y + 4, style_of(placed.box.kind).border
    yield f'<circle cx="{x:g}" cy="{y:g}" r="7" fill="#FFFFFF" stroke="{ink}"/>'
    yield f'<path d="M{x - 4:g} {y:g} h8 M{x:g} {y - 4:g} v8" fill="none" stroke="{ink}"/>'


def _box(placed: Place) -> Iterator[str]:
    style = style_of(placed.box.kind)
    fill, dashes = style.css_fill, ' stroke-dasharray="5 3"' if placed.box.outside else ""
    # What an optimizer may change has corners; all that follows from it is round.
    radius = 4.0 if style.shape == "box" else min(placed.height / 2, 18.0)
    if placed.inside is not None:
        fill = "#FFFFFF"
    yield f"<g><title>{_safe(chr(10).join(placed.box.lines))}</title>"
    yield (
        f'<rect x="{placed.x:g}" y="{placed.y:g}" width="{placed.width:g}" '
        f'height="{placed.height:g}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{style.border}" stroke-width="1.2"{dashes}/>'
    )
    for line in placed.lines:
        if line.text:
            size, anchor = PARTS[line.part].size, "middle" if line.centred else "start"
            ink = style.faint if line.part == "words" else _INK
            yield (
                f'<text x="{placed.x + line.x:g}" y="{placed.y + line.y:g}" font-size="{size:g}" '
                f'text-anchor="{anchor}" fill="{ink}"{_WEIGHT.get(line.part, "")} '
                f'xml:space="preserve">{_safe(line.text)}</text>'
            )
    yield "</g>"


def _arrow(route: Route) -> Iterator[str]:
    points, tip = _shortened(route.points)
    yield f'<path d="{_rounded(points)}" fill="none" stroke="{_GRAY}" stroke-width="1.3"/>'
    yield f'<path d="{tip}" fill="{_GRAY}"/>'


def _shortened(points: tuple[Point, ...]) -> tuple[list[Point], str]:
    """The points of a line that ends where its tip begins, and the tip as a path."""
    (x0, y0), (x1, y1) = points[-2:]
    length = hypot(x1 - x0, y1 - y0) or 1.0
    along = (x1 - x0) / length, (y1 - y0) / length
    back = x1 - along[0] * _TIP, y1 - along[1] * _TIP
    side = -along[1] * _TIP * 0.45, along[0] * _TIP * 0.45
    tip = (
        f"M{x1:g} {y1:g} L{back[0] + side[0]:g} {back[1] + side[1]:g} "
        f"L{back[0] - side[0]:g} {back[1] - side[1]:g} Z"
    )
    return [*points[:-1], back], tip


def _rounded(points: list[Point]) -> str:
    """A line through `points` as a path with rounded corners."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        # Not more than half of the way to the next corner, which is rounded as well.
        radius = min(_CORNER, dist(before, corner) / 2, dist(corner, after) / 2)
        into, out = _towards(corner, before, radius), _towards(corner, after, radius)
        path.append(f"L{into[0]:g} {into[1]:g} Q{corner[0]:g} {corner[1]:g} {out[0]:g} {out[1]:g}")
    return " ".join([*path, f"L{points[-1][0]:g} {points[-1][1]:g}"])


def _towards(start: Point, end: Point, distance: float) -> Point:
    share = distance / (dist(start, end) or 1.0)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _safe(text: str) -> str:
    return escape(showable(text), quote=True)
