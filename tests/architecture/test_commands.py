"""The two commands of the README, up to where they would download something."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.architecture.house import ROOT


def run(*command, **environment):
    """Run with no variable set but these, in the project's folder."""
    environment.setdefault("PATH", "/usr/bin:/bin")
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def only_this_python(tmp_path):
    """A PATH on which this Python is all that can be found of any."""
    for name in ("sh", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name))
    (tmp_path / "python3").symlink_to(sys.executable)
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "extra"),
    [
        ({}, "local"),
        ({"OPENAI_API_KEY": "k"}, "quickstart"),
        ({"TRACE_CUSTOMLLM_URL": "http://127.0.0.1"}, "quickstart"),
        ({"ANTHROPIC_API_KEY": "k"}, "litellm,quickstart"),
        ({"TRACE_LITELLM_MODEL": "m"}, "litellm,quickstart"),
        ({"OPENAI_API_KEY": "k", "TRACE_LITELLM_MODEL": "m"}, "litellm,quickstart"),
    ],
)
def test_quickstart_installs_what_its_model_needs(environment, extra):
    done = run("make", "--dry-run", "--always-make", "quickstart", **environment)
    assert f"tools/install.sh .venv {extra}\n" in done.stdout, done.stderr
    assert "-m opto quickstart" in done.stdout


def test_a_python_without_ensurepip_is_told_which_package_brings_it(only_this_python, tmp_path):
    tmp_path.joinpath("ensurepip.py").write_text("raise ImportError")
    done = run(
        "sh", "tools/install.sh", str(tmp_path / "venv"), "core",
        PATH=str(only_this_python), PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.returncode != 0
    assert f"sudo apt-get install python{version}-venv\n" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_machine_without_python_is_told_what_to_install(only_this_python, tmp_path):
    only_this_python.joinpath("python3").unlink()
    done = run("sh", "tools/install.sh", str(tmp_path / "venv"), "core", PATH=str(only_this_python))
    assert done.returncode != 0
    assert "No Python 3.10 or newer is on the PATH" in done.stderr
