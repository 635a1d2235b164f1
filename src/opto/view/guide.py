"""Old names: how a node is drawn, asked attribute by attribute."""

from __future__ import annotations

from typing import Any

from opto.view.picture import Picture
from opto.view.style import style_of

__all__ = ["NodeVizStyleGuide", "NodeVizStyleGuideColorful"]


class NodeVizStyleGuideColorful:
    """The look of nodes in the pictures of this library.

    Args:
        style: kept for programs that name one; there is one style.
        print_limit: how many characters of a description or a value are shown.

    Example:
        >>> from opto.trace import node
        >>> NodeVizStyleGuideColorful().get_attrs(node(1, trainable=True))["shape"]
        'box'
    """

    def __init__(self, style: str = "default", print_limit: int = 100) -> None:
        self.style = style
        self.print_limit = print_limit

    def get_attrs(self, x: Any) -> dict[str, str]:
        """All attributes of the node `x`, as Graphviz knows them."""
        return {"label": self.get_label(x), **self._look(x)}

    def get_label(self, x: Any) -> str:
        """Its name, description and value."""
        return "\n".join(Picture.of([x], output=x, print_limit=self.print_limit).boxes[0].lines)

    def get_node_shape(self, x: Any) -> str:
        """Its shape."""
        return self._look(x)["shape"]

    def get_color(self, x: Any) -> str:
        """The colour of its area."""
        return self._look(x).get("fillcolor", "")

    def get_style(self, x: Any) -> str:
        """The style of its line and area."""
        return self._look(x).get("style", "")

    def _look(self, x: Any) -> dict[str, str]:
        return style_of(x.kind).dot()


class NodeVizStyleGuide(NodeVizStyleGuideColorful):
    """The plain look: only what can be trained and what failed is filled."""

    def _look(self, x: Any) -> dict[str, str]:
        look = {"shape": style_of(x.kind).shape}
        if x.kind == "exception":
            look["fillcolor"] = "firebrick1"
        elif x.kind == "parameter":
            look["fillcolor"] = "#DEEBF6"
        return {**look, "style": "filled,solid"} if x.trainable else look
