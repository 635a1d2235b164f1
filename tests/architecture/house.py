"""Reading the house's own source files, for the tests beside this one."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
OPTO = SRC / "opto"
FOLDERS = ("src", "tests", "benchmarks", "tools")


def python_files(*folders: str) -> list[Path]:
    """Every Python file of the project, or of some of its folders."""
    return sorted(path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, line: int | None = None) -> str:
    """Where something stands, as an editor opens it."""
    where = str(path.relative_to(ROOT))
    return where if line is None else f"{where}:{line}"


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def own_files() -> Iterator[Path]:
    """Every file of the work tree but those in folders that `.gitignore` names."""
    ignored = {line.rstrip("/") for line in ROOT.joinpath(".gitignore").read_text().split()}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ignored | {".git"}]
        yield from (Path(folder, name) for name in files)
