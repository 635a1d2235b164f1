"""The text of classes, wherever they were written."""

from __future__ import annotations

import enum
import linecache
import sys
from types import ModuleType

import pytest

from opto.errors import SourceError
from opto.sandbox.classes import text_of_class


class Here(enum.Enum):
    A = 1


@pytest.fixture
def cells():
    """Runs texts as a notebook does: without a file, in a module without one."""
    names, notebook = [], ModuleType("__main__")

    def run(text):
        names.append(f"/nowhere/ipykernel/{len(names)}.py")
        linecache.cache[names[-1]] = (len(text), None, text.splitlines(keepends=True), names[-1])
        exec(compile(text, names[-1], "exec"), vars(notebook))
        return notebook

    yield run
    for name in names:
        linecache.cache.pop(name, None)


def test_a_class_in_a_file():
    assert text_of_class(Here) == "class Here(enum.Enum):\n    A = 1\n"


def test_a_class_in_a_cell(cells, monkeypatch):
    text = (
        "@dataclasses.dataclass\nclass Seen:\n    x: int\n\n    def two(self):\n        return 2\n"
    )
    notebook = cells(f"import dataclasses\n\n{text}\nclass Plain:\n    z = 3\n")
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    assert text_of_class(notebook.Seen) == text
    assert text_of_class(notebook.Plain) == "class Plain:\n    z = 3\n"


def test_which_of_two_cells_is_told_by_methods_alone(cells, monkeypatch):
    text = "class Seen:\n    def f(self): return {n}\nclass Plain:\n    n = {n}\n"
    old, new = cells(text.format(n=1)).Seen, cells(text.format(n=2))
    monkeypatch.setitem(sys.modules, "__main__", new)
    assert "return 1" in text_of_class(old)
    assert "return 2" in text_of_class(new.Seen)
    with pytest.raises(SourceError, match="Plain cannot be read"):
        text_of_class(new.Plain)


def test_a_class_without_a_text():
    made = type("Made", (), {"__module__": "__main__"})
    with pytest.raises(SourceError, match="Made"):
        text_of_class(made)
