"""A picture as DOT text, written by ourselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import OptoError
from opto.view.fold import folded, whole_page
from opto.view.groups import arrows_of, grouped
from opto.view.picture import showable
from opto.view.style import style_of
from opto.view.svg import svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opto.view.groups import Group
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
        boxes = _statements(grouped(self.picture), "\t")
        arrows = (f"\t{_quoted(a.tail)} -> {_quoted(a.head)}" for a in arrows_of(self.picture))
        return "\n".join(["digraph {", *boxes, *arrows, "}", ""])

    @property
    def opens(self) -> bool:
        """Whether a box in it opens."""
        return self.picture.opens

    def __str__(self) -> str:
        return self.source

    def save(self, path: str | Path) -> str:
        """Write the picture to a file, by what its name ends in.

        ``.svg`` gives a drawing, ``.html`` a page on which boxes with an inside open at a
        click, anything else DOT text.

        Returns:
            The path.
        """
        kinds = {".svg": svg, ".html": whole_page}
        write = kinds.get(Path(path).suffix)
        Path(path).write_text(write(self.picture) if write else self.source, encoding="utf-8")
        return str(path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        try:
            shown = {"text/plain": self.source, "image/svg+xml": svg(self.picture)}
            return {**shown, "text/html": folded(self.picture).html} if self.opens else shown
        except OptoError as reason:
            return {"text/plain": f"// {reason}\n{self.source}"}


def _statements(group: Group, tab: str) -> list[str]:
    lines = [
        f"{tab}{_quoted(box.name)} "
        + _listed({"label": "\n".join(box.lines), **style_of(box.kind).dot()})
        for box in group.boxes
    ]
    for part in group.groups:
        lines.append(f"{tab}subgraph {_quoted(part.name)} {{")
        lines.append(f"{tab}\tgraph {_listed(part.dot())}")
        lines += _statements(part, f"{tab}\t")
        lines.append(f"{tab}}}")
    return lines


def _listed(attributes: Mapping[str, str]) -> str:
    return f"[{' '.join(f'{k}={_quoted(v)}' for k, v in attributes.items())}]"


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    return '"' + escaped(text).replace('"', '\\"') + '"'


def escaped(text: str) -> str:
    """`text` without escape strings, as Graphviz calls what begins with a backslash."""
    return showable(text).replace("\\", "\\\\")
