"""A picture as a page on which calls are boxes that open at a click."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from opto.view.picture import showable
from opto.view.step import Page
from opto.view.svg import svg

if TYPE_CHECKING:
    from opto.view.picture import Picture

__all__ = ["folded", "whole_page"]

_DETAILS = (
    "<details style='margin:8px 0 8px 16px;border-left:2px solid #5C9BD5;padding:2px 0 2px 12px'>"
    "<summary style='cursor:pointer'><b>{name}</b>{words}</summary>"
    "<div id='{anchor}' style='overflow-x:auto'>{inside}</div></details>"
)
_DOCUMENT = (
    "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title></head>"
    "<body style='font-family:system-ui,sans-serif;margin:24px'>{body}</body></html>\n"
)


def folded(picture: Picture) -> Page:
    """The drawing of `picture` with its boxes closed, and below it what is inside of each.

    A box with a plus sign opens at a click, by the means of HTML alone: no script, and
    nothing that is loaded. So does each line below the drawing, also by the keyboard.

    Args:
        picture: as `Picture.of` makes it with `expand`.

    Raises:
        OptoError: the extra ``view`` is not installed, or the picture is too large.

    Example:
        >>> from opto.trace import bundle, node
        >>> from opto.view import Picture
        >>> @bundle(traceable_code=True)
        ... def double(x):
        ...     return x * 2
        >>> y = double(node(3, name="x"))
        >>> page = folded(Picture.of([*y.parents, y], y, expand=None))
        >>> "<summary" in page.html, "<script" in page.html
        (True, False)
    """
    mark = sha256(repr(picture).encode("utf-8", "replace")).hexdigest()[:8]
    return Page(_level(picture, f"opto-{mark}"))


def whole_page(picture: Picture) -> str:
    """The text of an HTML file that shows `folded`."""
    return _DOCUMENT.format(title="A run", body=folded(picture).html)


def _level(picture: Picture, anchor: str) -> str:
    anchors = {
        box.name: f"{anchor}-{i}" for i, box in enumerate(picture.boxes) if box.inside is not None
    }
    closed = replace(picture, boxes=tuple(replace(box, inside=None) for box in picture.boxes))
    parts = [svg(closed, {name: f"#{place}" for name, place in anchors.items()})]
    for box in picture.boxes:
        if box.inside is not None:
            words = "" if box.description is None else f": {box.description}"
            parts.append(
                _DETAILS.format(
                    name=escape(showable(box.name)),
                    words=escape(showable(words)),
                    anchor=anchors[box.name],
                    inside=_level(box.inside, anchors[box.name]),
                )
            )
    return "".join(parts)
