"""The linter is part of the suite (mypy in `tests/typing`): what it would refuse fails here."""

from __future__ import annotations

import subprocess
import sys

from tests.architecture.house import ROOT


def test_ruff_has_nothing_to_say():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
