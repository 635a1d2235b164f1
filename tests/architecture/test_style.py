"""The linters are part of the suite: a push that they would refuse fails here first."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.house import ROOT


@pytest.mark.parametrize("tool", [["ruff", "check", "--no-cache"], ["mypy"]], ids=["ruff", "mypy"])
def test_tool_has_nothing_to_say(tool):
    done = subprocess.run(
        [sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
