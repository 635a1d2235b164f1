"""How the kinds of nodes look: one row each."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Style", "style_of"]


@dataclass(frozen=True, slots=True)
class Style:
    """The look of a box.

    Attributes:
        shape: of Graphviz.
        fill: colour of the area, by a name that Graphviz knows.
        border: colour of the line around it.
        faint: colour of the less important words, which must be readable on `fill`.
    """

    shape: str
    fill: str
    border: str
    faint: str = "#52606D"

    @property
    def css_fill(self) -> str:
        """The colour of the area as browsers know it."""
        return _CSS.get(self.fill, self.fill)

    def dot(self) -> dict[str, str]:
        """The attributes that Graphviz knows, in the order in which it writes them."""
        return {
            "color": self.border,
            "fillcolor": self.fill,
            "penwidth": "1.2",
            "shape": self.shape,
            "style": "filled,solid",
        }


_CSS = {"firebrick1": "#FF3030"}
_STYLES = {
    "parameter": Style("box", "#FFE5E5", "#FF7E79"),
    "exception": Style("ellipse", "firebrick1", "black", faint="#1F2933"),
}
_OTHERS = Style("ellipse", "#DEEBF6", "#5C9BD5")


def style_of(kind: str) -> Style:
    """The look of a box of this kind."""
    return _STYLES.get(kind, _OTHERS)
