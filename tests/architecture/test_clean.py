"""Things that do not belong in the house."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from tests.architecture.house import OPTO, own_files, place, python_files, tree_of

MAY_PRINT = {OPTO / "__main__.py", *OPTO.joinpath("quickstart").rglob("*.py")}
MAY_UNPICKLE = {
    OPTO / "trace" / "saving" / "pickles.py",  # the original's files, on request
    OPTO / "trace" / "graft" / "wire.py",  # what a pool of processes pickles anyway
    OPTO / "store" / "text.py",  # writes by marshal, to compare types, and reads nothing by it
}
RUNS_WHAT_IT_READS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

# In two halves, so that this file does not name what it looks for.
REGISTRY_HOSTS = [
    f"{first}.{second}"
    for first, second in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry.npmjs", "org"),
        ("deb.debian", "org"),
        ("archive.ubuntu", "com"),
        ("proxy.golang", "org"),
        ("static.crates", "io"),
        ("repo.maven", "apache"),
    ]
]


@pytest.mark.parametrize("path", python_files("src"), ids=place)
def test_no_assert_no_print_nothing_that_runs_what_it_reads(path):
    found = [place(path, line) + f": {what}" for line, what in unwanted(path)]
    assert not found


def unwanted(path):
    for found in ast.walk(tree_of(path)):
        if isinstance(found, ast.Assert):
            yield found.lineno, "assert is removed by `python -O`; raise an error of opto.errors"
        elif isinstance(found, ast.Import | ast.ImportFrom):
            for name in imported_roots(found) & RUNS_WHAT_IT_READS:
                if path not in MAY_UNPICKLE:
                    yield found.lineno, f"{name} runs what it reads"
        elif calls_print(found) and path not in MAY_PRINT:
            yield found.lineno, "a library does not print"


def imported_roots(found):
    if isinstance(found, ast.Import):
        return {alias.name.partition(".")[0] for alias in found.names}
    return {(found.module or "").partition(".")[0]}


def calls_print(found):
    return (
        isinstance(found, ast.Call)
        and isinstance(found.func, ast.Name)
        and found.func.id in {"print", "pprint", "breakpoint"}
    )


@pytest.mark.parametrize("path", python_files("src", "tools", "benchmarks"), ids=place)
def test_nothing_is_left_for_later(path):
    words = io.StringIO(path.read_text(encoding="utf-8"))
    left = [
        f"{place(path, token.start[0])}: {token.string}"
        for token in tokenize.generate_tokens(words.readline)
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string)
    ]
    assert not left


def test_no_file_names_a_package_registry():
    """Where packages come from is the business of whoever installs them."""
    files = {path: path.read_bytes() for path in own_files()}
    assert OPTO / "errors.py" in files
    named = [
        f"{place(path)} names {host}"
        for path, content in files.items()
        for host in REGISTRY_HOSTS
        if host.encode() in content
    ]
    assert not named


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("assert x", "assert"),
        ("print(1)", "print"),
        ("import pickle", "pickle"),
        ("from dill import loads", "dill"),
    ],
)
def test_what_is_unwanted_is_found(tmp_path, code, what):
    file = tmp_path / "bad.py"
    file.write_text(f"def f(x):\n    {code}\n")
    [(line, words)] = unwanted(file)
    assert line == 2
    assert what in words
