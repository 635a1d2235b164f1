"""docs/optimizing.md: a section for each benchmark of the optimizers, which writes it itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.rounds import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PAGE = ROOT / "docs" / "optimizing.md"
BEGINNING = """# What the optimizers cost, and what they reach

Each section is written by the program that it names; do not edit by hand."""


def put(heading: str, body: str, page: Path = PAGE) -> None:
    """Write a section of the page anew, and keep the others as they are.

    Args:
        heading: its title; it is put at the end if the page has none of that title.
        body: what stands below it.
        page: the file; made if it is not there.
    """
    text = page.read_text(encoding="utf-8") if page.exists() else BEGINNING
    first, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    titles = [section.partition("\n")[0] for section in sections]
    new = f"{heading}\n\n{body.strip()}"
    if heading in titles:
        sections[titles.index(heading)] = new
    else:
        sections.append(new)
    parts = [BEGINNING if not first.strip() else first.strip()]
    parts += [f"## {section.strip()}" for section in sections]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, whose columns stand below each other in the source too."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    width = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = ["| " + " | ".join(map(str.ljust, line, width)) + " |" for line in lines]
    shown.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(shown)
