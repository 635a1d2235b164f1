"""No import runs upward, and none goes round by a package's own face."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.house import OPTO, ROOT, SRC, module_name, place, python_files, tree_of


def test_import_linter_keeps_every_contract():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def imports_of_own_face(path):
    """Lines that import a name (not a module) from a package that `path` stands in."""
    rooms = {
        module_name(parent / "__init__.py")
        for parent in path.parents
        if OPTO in (parent, *parent.parents)
    }
    for found in ast.walk(tree_of(path)):
        if isinstance(found, ast.ImportFrom) and found.module in rooms:
            folder = SRC.joinpath(*found.module.split("."))
            names = {part.stem for part in folder.iterdir()}
            yield from (
                f"{place(path, found.lineno)} imports {alias.name} from {found.module}"
                for alias in found.names
                if alias.name not in names
            )


@pytest.mark.parametrize(
    "path",
    [path for path in python_files("src") if path.name not in {"__init__.py", "__main__.py"}],
    ids=place,
)
def test_a_module_does_not_import_from_the_face_above_it(path):
    assert not list(imports_of_own_face(path))


def test_imports_are_absolute():
    relative = [
        place(path, found.lineno)
        for path in OPTO.rglob("*.py")
        for found in ast.walk(tree_of(path))
        if isinstance(found, ast.ImportFrom) and found.level
    ]
    assert not relative
