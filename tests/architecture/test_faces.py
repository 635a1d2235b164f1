"""Each package says what it offers: sorted, complete, and really there."""

from __future__ import annotations

import ast
import re
from importlib import import_module

import pytest

from tests.architecture.house import OPTO, module_name, place, python_files, tree_of

FACES = sorted(OPTO.rglob("__init__.py"))


def says_what_it_offers(path):
    """Whether a module has an `__all__`."""
    targets = [
        target
        for found in tree_of(path).body
        if isinstance(found, ast.Assign | ast.AnnAssign)
        for target in (found.targets if isinstance(found, ast.Assign) else [found.target])
    ]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def offered(path):
    """The public names that a face defines, or imports from our modules without using them."""
    tree = tree_of(path)
    used = {found.id for found in ast.walk(tree) if isinstance(found, ast.Name)}
    for found in tree.body:
        if isinstance(found, ast.ImportFrom) and (found.module or "").startswith("opto"):
            yield from {alias.asname or alias.name for alias in found.names} - used
        elif isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield found.name


def shelf(name):
    """CONSTANTS, then Classes, then functions, each by the alphabet with 2 before 10."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@pytest.mark.parametrize("path", FACES, ids=place)
def test_a_face_is_sorted_and_complete(path):
    assert says_what_it_offers(path), f"{place(path)} has no __all__"
    names = import_module(module_name(path)).__all__
    assert list(names) == sorted(set(names), key=shelf)
    missing = {name for name in offered(path) if not name.startswith("_")} - set(names)
    assert not missing


@pytest.mark.parametrize(
    "path", [path for path in python_files("src") if says_what_it_offers(path)], ids=place
)
def test_every_name_on_offer_is_there(path):
    module = import_module(module_name(path))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
