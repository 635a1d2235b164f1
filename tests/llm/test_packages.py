from __future__ import annotations

import sys

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
