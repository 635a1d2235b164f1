"""One idea a file, one step a function: ceilings that nobody argues about."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.house import place, python_files, tree_of

FILE_CEILING = 400
FUNCTION_CEILING = 60


def longest_functions(path):
    for found in ast.walk(tree_of(path)):
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
            length = found.end_lineno - found.lineno + 1
            if length > FUNCTION_CEILING:
                yield f"{place(path, found.lineno)} {found.name}: {length} lines"


@pytest.mark.parametrize("path", python_files(), ids=place)
def test_file_and_functions_stay_below_the_ceilings(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_CEILING, f"{place(path)}: {lines} lines; find the second idea in it"
    assert not list(longest_functions(path))


def test_the_ceilings_are_measured_at_all(tmp_path, monkeypatch):
    body = "\n".join("    x = 1" for _ in range(FUNCTION_CEILING))
    file = tmp_path / "long.py"
    file.write_text(f"def f():\n{body}\n")
    monkeypatch.setattr("tests.architecture.house.ROOT", tmp_path)
    assert list(longest_functions(file)) == ["long.py:1 f: 61 lines"]
