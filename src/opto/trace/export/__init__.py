"""What was learned, as a plain Python file that needs no part of this library.

A class is written as its author wrote it, with comments and docstrings, except for
what belongs to the library: the decorators go, the code of trainable methods is what
it is now, and where a parameter was made its present value stands. With it come the
imports, functions and values of its module that it names. Text is edited in place and
never run; an exported file is run when somebody imports it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opto.errors import StoreError
from opto.trace.export.closure import Closure
from opto.trace.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

    from opto.trace.modules import Module

__all__ = ["export", "plain_python"]


def export(
    module: Module,
    file_name: str | PathLike[str],
    projections: Iterable[Callable[[str], str]] | None = None,
) -> None:
    """Write a module as a plain Python file.

    Args:
        module: an object of a `Module` or `model` class, or a bundled function.
        file_name: where to; missing directories are made.
        projections: applied to the text of the file in turn, for example
            ``[BlackCodeFormatter()]``.

    Raises:
        StoreError: something has no plain form; the message says what and where.
    """
    text = plain_python(module)
    for projection in projections or ():
        text = projection(text)
    write_whole(file_name, text)


def plain_python(module: Module) -> str:
    """The text that `export` writes.

    Args:
        module: as for `export`.

    Raises:
        StoreError: something has no plain form.
    """
    closure = Closure(module)
    name = getattr(module, "__name__", type(module).__name__)
    parts = [f'"""`{name}` with what it has learned, written by Module.export."""']
    if closure.futures:
        parts.append(f"from __future__ import {', '.join(sorted(closure.futures))}")
    text = _joined([*parts, *closure.blocks()])
    try:
        compile(text, f"<export of {name}>", "exec", dont_inherit=True)
    except SyntaxError as cause:
        raise StoreError(
            f"{name} cannot be exported: taking the library out of its text left no valid Python, "
            f"in the line\n    {(cause.text or '').strip()}"
        ) from cause
    return text


_IMPORT = re.compile(r"(import|from) ")
_VALUE = re.compile(r"[\w.]+( *:.*)? *= *[^\n]*\Z")


def _joined(blocks: list[str]) -> str:
    """The parts, with two empty lines around definitions and one between kinds of lines."""
    text, kinds = blocks[0], [_kind(block) for block in blocks]
    for before, kind, block in zip(kinds, kinds[1:], blocks[1:], strict=False):
        apart = 3 if "definition" in (before, kind) else 2
        text += "\n" * (1 if before == kind != "definition" else apart) + block
    return text + "\n"


def _kind(block: str) -> str:
    if block.startswith(('"""', "from __future__ ")):
        return block[:4]
    return "import" if _IMPORT.match(block) else "value" if _VALUE.match(block) else "definition"
