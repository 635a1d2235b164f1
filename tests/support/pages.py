"""Pages of documentation show what was run: a Python block prints the text block below it."""

from __future__ import annotations

import contextlib
import io
import re

BLOCK = re.compile(r"```python\n(.*?)```\n```text\n(.*?)```", re.DOTALL)


def blocks(page):
    """The Python blocks of a page, each with what it prints; all of them must have that."""
    found = BLOCK.findall(page)
    assert page.count("```python") == len(found)
    return found


def printed(code, path, names):
    """What the code prints, as a file of its own with these names in it."""
    path.write_text(code, encoding="utf-8")  # a function's source is read from its file
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, str(path), "exec"), names)
    return said.getvalue()
