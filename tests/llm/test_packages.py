from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from opto.errors import ModelMissing
from opto.llm.packages import INSTALL, installed, needed


def test_what_is_there_is_installed():
    assert installed("openai")
    needed("openai", "a client")


def test_what_is_not_there_is_said_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    assert not installed("openai")
    with pytest.raises(ModelMissing) as caught:
        needed("openai", "A client")
    assert str(caught.value) == (
        "A client needs the package 'openai', which is not installed: " + INSTALL["openai"]
    )
    assert isinstance(caught.value, ImportError)


def test_a_part_of_a_package_that_is_not_there():
    assert not installed("no_such_package.part")


def test_litellm_is_installed_as_the_extra_says():
    # Two releases were poisoned, one cannot be installed, and tools need `mcp`.
    project = Path(__file__).parents[2].joinpath("pyproject.toml").read_text(encoding="utf-8")
    [line] = re.findall(r"^litellm = \[(.*)\]$", project, re.MULTILINE)
    assert line == '"litellm>=1.75,!=1.82.7,!=1.82.8,!=1.107.*", "mcp"'
    assert INSTALL["litellm"] == "pip install " + line.replace('", "mcp"', '" mcp')
