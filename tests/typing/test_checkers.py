"""mypy and pyright agree with what the files beside this one say, and know every public type.

mypy reads all of `src` on the way, and has nothing to say about it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLAIMS = [str(HERE / "test_nodes.py"), str(HERE / "test_operators.py")]
BESIDE_STUBS = [str(path.with_suffix(".py")) for path in (ROOT / "src").rglob("*.pyi")]

WRONG = """
from typing_extensions import assert_type
from opto.trace import Node, node

assert_type(node(3) + 4, Node[str])
node(3, trianable=True)
node("a").split(3)
"""


def run(*command):
    # Asked for a package, pyright asks the first `python` of the PATH where it is.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def mypy(*files):
    """The lines of `src` and `files` on which mypy finds errors, and what they are."""
    # Where there is a stub, mypy looks at the code only if it is told to.
    runs = [run("mypy", "--no-error-summary", *asked) for asked in (["src", *files], BESIDE_STUBS)]
    for said in runs:
        assert said.returncode in {0, 1}, said.stdout + said.stderr
    return [line for said in runs for line in said.stdout.splitlines() if ": error: " in line]


def pyright(*files):
    """The lines on which pyright finds errors, and what they are."""
    said = run("pyright", "--outputjson", "--pythonversion", "3.10", *files)
    assert said.returncode in {0, 1}, said.stdout + said.stderr
    report = json.loads(said.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(files)
    return [
        f"{found['file']}:{found['range']['start']['line'] + 1}: {found['message']}"
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    ]


# One run for both: most of its time goes into reading the house.
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_all_claims_are_what_a_checker_sees_and_mistakes_are_seen(checker, tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(WRONG)
    found = checker(*CLAIMS, str(file))
    # mypy names the folder in which it saw the same words first.
    places = [line.split(":")[:2] for line in found]
    assert {(Path(name).name, number) for name, number in places} == {
        ("wrong.py", number) for number in "567"
    }, found


def test_every_public_type_is_known():
    said = run("pyright", "--verifytypes", "opto.trace", "--ignoreexternal", "--outputjson")
    report = json.loads(said.stdout)
    symbols = report["typeCompleteness"]["symbols"]
    unknown = [s["name"] for s in symbols if s["isExported"] and not s["isTypeKnown"]]
    assert unknown == []
    assert len(symbols) > 500
    assert report["typeCompleteness"]["completenessScore"] == 1
    assert said.returncode == 0, report["generalDiagnostics"]
