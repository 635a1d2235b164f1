"""magic.pyi, which type checkers read, says what magic.py does."""

from __future__ import annotations

import ast
import subprocess
import sys

from opto.trace import magic
from opto.trace.magic import Operators
from opto.trace.table import OPERATIONS
from tests.architecture.house import OPTO, ROOT, python_files, tree_of
from tools import magic_stub

STUB = ast.parse(magic_stub.STUB.read_text(encoding="utf-8"))


def defined(body):
    return {found.name for found in body if isinstance(found, ast.FunctionDef | ast.ClassDef)}


def test_it_is_what_the_table_makes_of_it():
    assert magic_stub.STUB.read_text(encoding="utf-8") == magic_stub.stub(), (
        "magic.pyi is stale; run: python tools/magic_stub.py"
    )


def test_the_command_says_whether_it_is_stale(monkeypatch, tmp_path, capsys):
    stale = tmp_path / "magic.pyi"
    stale.write_text(magic_stub.stub().replace("Node[bool]", "Node[int]") + "\n")
    monkeypatch.setattr(magic_stub, "STUB", stale)
    monkeypatch.setattr(sys, "argv", ["magic_stub.py", "--check"])
    assert magic_stub.main() == 1
    assert "is stale" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["magic_stub.py"])
    assert magic_stub.main() == 0
    assert stale.read_text() == magic_stub.stub()


def test_it_has_the_methods_of_nodes_and_no_others():
    [found] = [c for c in STUB.body if isinstance(c, ast.ClassDef) and c.name == "Operators"]
    made = {name for name, value in vars(Operators).items() if callable(value)}
    assert defined(found.body) == made - {"__class_getitem__", "__init_subclass__"}


def test_it_has_every_method_of_the_table():
    named = {name for name, operation in OPERATIONS.items() if operation.method}
    dunders = {dunder for operation in OPERATIONS.values() for dunder in operation.dunder}
    assert named | dunders <= set(magic_stub.signatures())


def test_what_others_import_of_magic_stands_in_it():
    imported = {
        alias.name
        for path in python_files("src", "tests")
        if magic.__name__ in path.read_text(encoding="utf-8")
        for found in ast.walk(tree_of(path))
        if isinstance(found, ast.ImportFrom) and found.module == magic.__name__
        for alias in found.names
    }
    assert imported <= defined(STUB.body)


# Nothing but the two of them: what the stub imports is Any then, which makes overloads the
# same to mypy. `tests/typing` has mypy read them with all the house.
ALONE = """
[mypy]
follow_imports = skip
disable_error_code = overload-cannot-match, misc
"""


def test_stub_and_code_agree_with_each_other(tmp_path):
    (tmp_path / "alone.ini").write_text(ALONE)
    tool = ["mypy.stubtest", "--mypy-config-file", str(tmp_path / "alone.ini"), magic.__name__]
    said = subprocess.run(
        [sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "checked 1 module" in said.stdout or "in 1 module" in said.stdout


def test_packages_that_use_this_one_are_told_of_its_types():
    assert (OPTO / "py.typed").is_file()
