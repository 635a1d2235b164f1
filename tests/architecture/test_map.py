"""ARCHITECTURE.md is the map of the house: it names every file, and only what is there."""

from __future__ import annotations

import re

from tests.architecture.house import ROOT

MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", MAP))
SOURCE = ROOT / "src" / "opto"
FILES = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py")]

# Rooms that the page announces.
ANNOUNCED = {"sandbox/", "store/", "trainer/", "testing/"}


def _is_named(path):
    if path.name.startswith("__") or len(path.parts) == 1:
        return True
    inside = {f"{part}/" for part in path.parts[1:-1]}
    return path.name in NAMED or str(path) in NAMED or bool(inside & NAMED)


def test_every_file_stands_on_the_map():
    unnamed = [str(path) for path in FILES if not _is_named(path)]
    # A job a file: the folder is named.
    assert [path for path in unnamed if not path.startswith("quickstart")] == []


def test_everything_on_the_map_is_there():
    known = {part for path in FILES for part in (path.name, str(path))}
    known |= {f"{parent.name}/" for path in FILES for parent in path.parents}
    known |= {"tests/architecture/", "test_map.py", "tests/architecture/test_map.py"}
    assert NAMED - known - ANNOUNCED == set()
