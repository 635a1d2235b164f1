"""Importing is cheap and silent, and stands at the top of the file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.architecture.house import OPTO, place, python_files, tree_of
from tools.measure_import import BUDGETS, cost_over_bare_python, slowness

HEAVY = {"black", "graphviz", "litellm", "numpy", "openai", "xllamacpp"}
# `BlackCodeFormatter` is the adapter of its vendor, who is loaded when it formats.
ADAPTERS = {
    OPTO / "trace" / "projections.py": {"black"},
    OPTO / "trace" / "schemas.py": {"jsonschema", "referencing"},
}
LAZY = re.compile(r"# lazy: \w.{8,}")


@pytest.mark.parametrize("statement", ["import opto", *BUDGETS])
def test_import_loads_nothing_heavy_and_prints_nothing(statement):
    program = f"import sys\n{statement}\nsys.exit(' '.join({HEAVY} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("statement", "budget"), BUDGETS.items())
def test_import_stays_in_its_budget(statement, budget):
    # The least of several runs is the cost of the import; what is above it is the machine's,
    # and a machine that is slow while this runs is slow at the yardstick too.
    cost = cost_over_bare_python(statement, runs=7, summary=min)
    assert cost <= budget * slowness(runs=7, summary=min)


def lazy_imports(path):
    """The imports inside functions, with the comment on or above their lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for outer in ast.walk(tree_of(path)):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            for found in ast.walk(outer):
                if isinstance(found, ast.Import | ast.ImportFrom):
                    yield found, comment_of(found, lines)


def comment_of(found, lines):
    """The comment on the statement's own line, or the block above it and its neighbours."""
    said = [lines[found.lineno - 1]]
    for line in reversed(lines[: found.lineno - 1]):
        if not line.lstrip().startswith(("#", "import ", "from ")):
            break
        said.append(line)
    return "\n".join(said)


@pytest.mark.parametrize("path", python_files("src"), ids=place)
def test_an_import_inside_a_function_says_why(path):
    silent = {
        place(path, found.lineno)
        for found, comment in lazy_imports(path)
        if not LAZY.search(comment)
    }
    assert not silent, f"write `# lazy: <why>` above, or import at the top: {sorted(silent)}"


@pytest.mark.parametrize("room", ["trace", "prompts"])
def test_room_stands_on_the_standard_library_alone(room):
    allowed = sys.stdlib_module_names | {"opto", "__future__"}
    files = sorted((OPTO / room).rglob("*.py"))
    assert files
    foreign = [
        f"{place(path, found.lineno)} imports {name}"
        for path in files
        for found in ast.walk(tree_of(path))
        for name in top_names(found)
        if name not in allowed | ADAPTERS.get(path, set())
    ]
    assert not foreign


def top_names(found):
    if isinstance(found, ast.Import):
        return [alias.name.partition(".")[0] for alias in found.names]
    if isinstance(found, ast.ImportFrom):
        return [(found.module or "").partition(".")[0]]
    return []
