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
    # The sandbox's worker runs as a package of its own, without the house around it.
    worker = OPTO / "sandbox" / "worker"
    relative = [
        place(path, found.lineno)
        for path in OPTO.rglob("*.py")
        if path.parent != worker
        for found in ast.walk(tree_of(path))
        if isinstance(found, ast.ImportFrom) and found.level
    ]
    assert not relative


def test_the_worker_of_the_sandbox_imports_nothing_of_the_house():
    """It must hold nothing that foreign code could find there."""
    files = sorted(OPTO.joinpath("sandbox", "worker").glob("*.py"))
    assert files
    allowed = sys.stdlib_module_names | {"__future__", "numpy", "_opto_worker"}
    foreign = [
        place(path, found.lineno)
        for path in files
        for found in ast.walk(tree_of(path))
        for name in imported(found)
        if name.partition(".")[0] not in allowed
    ]
    assert not foreign


def imported(found):
    """What a statement imports from outside of its own folder."""
    if isinstance(found, ast.Import):
        return [alias.name for alias in found.names]
    if isinstance(found, ast.ImportFrom) and found.level == 0:
        return [found.module or ""]
    # More than one dot leads out of the folder.
    return [".."] if isinstance(found, ast.ImportFrom) and found.level > 1 else []
