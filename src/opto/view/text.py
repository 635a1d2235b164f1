"""A picture as DOT text, written by ourselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import OptoError
from opto.view.picture import showable
from opto.view.style import style_of
from opto.view.svg import svg

if TYPE_CHECKING:
    from opto.view.picture import Picture

__all__ = ["Dot", "escaped"]

# What the DOT language lets stand without quotes.
_PLAIN = re.compile(r"[a-zA-Z_]\w*|-?(\.\d+|\d+(\.\d*)?)", re.ASCII)
_KEYWORDS = frozenset({"node", "edge", "graph", "digraph", "subgraph", "strict"})


@dataclass(frozen=True, slots=True)
class Dot:
    """A picture with the face of `graphviz.Digraph`, drawn without Graphviz.

    Notebooks show it as a drawing if the extra ``view`` is installed, else as DOT text.
    """

    picture: Picture

    @property
    def source(self) -> str:
        """DOT text, which ``dot``, editors and web sites draw."""
        boxes = (
            _statement(box.name, label="\n".join(box.lines), **style_of(box.kind).dot())
            for box in self.picture.boxes
        )
        arrows = (f"\t{_quoted(a.tail)} -> {_quoted(a.head)}" for a in self.picture.arrows)
        return "\n".join(["digraph {", *boxes, *arrows, "}", ""])

    def __str__(self) -> str:
        return self.source

    def save(self, path: str | Path) -> str:
        """Write the picture to a file: a drawing if its name ends in ``.svg``, else DOT text.

        Returns:
            The path.
        """
        text = svg(self.picture) if Path(path).suffix == ".svg" else self.source
        Path(path).write_text(text, encoding="utf-8")
        return str(path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        try:
            return {"text/plain": self.source, "image/svg+xml": svg(self.picture)}
        except OptoError as reason:
            return {"text/plain": f"// {reason}\n{self.source}"}


def _statement(name: str, **attributes: str) -> str:
    return f"\t{_quoted(name)} [{' '.join(f'{k}={_quoted(v)}' for k, v in attributes.items())}]"


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    return '"' + escaped(text).replace('"', '\\"') + '"'


def escaped(text: str) -> str:
    """`text` without escape strings, as Graphviz calls what begins with a backslash."""
    return showable(text).replace("\\", "\\\\")
