"""Python text, edited at the places that its syntax tree names, so that all else stays."""

from __future__ import annotations

import ast
import tokenize
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Edit", "Text", "dedented", "indented"]


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Bytes from `start` to before `end` give way to `text`."""

    start: int
    end: int
    text: str = ""


class Text:
    """A source text whose places are positions in its bytes, as `ast` counts them."""

    def __init__(self, text: str) -> None:
        self.lines: list[str] = _lines(text.removesuffix("\n"))
        self.raw: bytes = "".join(self.lines).encode()
        self.starts: list[int] = [0, *accumulate(len(line.encode()) for line in self.lines)]

    def start(self, node: ast.AST) -> int:
        """Where `node` begins; for a definition, at its ``def``, ``async`` or ``class``."""
        return self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined,no-any-return]

    def end(self, node: ast.AST) -> int:
        """Behind the last byte of `node`."""
        return self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined,no-any-return]

    def line(self, number: int) -> int:
        """Where the line `number`, counted from 1, begins."""
        return self.starts[min(number, len(self.starts)) - 1]

    def margin(self, node: ast.stmt) -> str:
        """The spaces before `node`, or four more than before the line it shares."""
        lead = self.raw[self.line(node.lineno) : self.start(node)].decode()
        rest = lead.lstrip()
        return lead[: len(lead) - len(rest)] + ("    " if rest else "")

    def between(self, start: int, end: int) -> str:
        """The text from `start` to before `end`."""
        return self.raw[start:end].decode()

    def edited(self, start: int, end: int, edits: Iterable[Edit]) -> str:
        """The text from `start` to before `end` with the edits that fall into it made.

        An edit inside one that is already made is left out: its text is gone.
        """
        parts, here = [], start
        # Of two that begin together the insertion comes first, then the longer one; of two
        # insertions the one that was asked for first, which is the outer one.
        for edit in sorted(edits, key=lambda e: (e.start, e.end != e.start, -e.end)):
            if edit.start >= here and edit.end <= end:
                parts += [self.between(here, edit.start), edit.text]
                here = edit.end
        return "".join([*parts, self.between(here, end)])


def _lines(text: str) -> list[str]:
    # A form feed ends no line for Python.
    return [line + "\n" for line in text.split("\n")]


def _strings(text: str) -> set[int]:
    """The rows, from 1, that begin inside a string: their spaces belong to it."""
    tokens = tokenize.generate_tokens(iter(_lines(text)).__next__)
    return {row for token in tokens for row in range(token.start[0] + 1, token.end[0] + 1)}


def indented(code: str, margin: str) -> str:
    """`code` moved right by `margin`, with the insides of strings as they are."""
    inside = _strings(code) - _docstring_rows(code)
    return "\n".join(
        line if row in inside or not line.strip() else margin + line
        for row, line in enumerate(code.split("\n"), start=1)
    )


def dedented(code: str, margin: str) -> str:
    """`code` moved left by `margin`, with the insides of strings as they are."""
    inside = _strings(code)
    return "\n".join(
        line if row in inside else line.removeprefix(margin)
        for row, line in enumerate(code.split("\n"), start=1)
    )


def _docstring_rows(code: str) -> set[int]:
    """Rows of docstrings, of which indentation is no part."""
    rows: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            rows.update(range(node.body[0].lineno + 1, (node.body[0].end_lineno or 0) + 1))
    return rows
