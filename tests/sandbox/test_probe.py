"""The proof at start, and what is said where a machine lacks a wall."""

from __future__ import annotations

import sys
import warnings

import pytest

from opto.errors import SandboxUnavailable
from opto.sandbox.probe import probe, without
from opto.sandbox.report import Report

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's walls are Linux's")


@linux
@pytest.mark.parametrize("missing", ["", "namespaces", "landlock", "landlock=1"])
def test_a_level_holds_without_what_it_can_do_without(missing, monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", missing)
    found = probe("isolated")
    assert found.holds
    assert (found.level, found.failed) == ("isolated", ())
    assert {"read a file", "start a process", "open a socket"} <= set(found.refused)
    assert (found.landlock == 0) == (missing == "landlock")
    assert missing != "namespaces" or found.namespaces == ()


@linux
def test_isolated_by_name_never_gets_weaker(monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", "seccomp")
    with pytest.raises(SandboxUnavailable, match="cannot isolate code"):
        probe("isolated")


@linux
def test_auto_says_once_that_it_is_weaker(monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", "seccomp,never asked before")
    with pytest.warns(RuntimeWarning, match="could read your files, change them and use the"):
        found = probe("auto")
    assert found.level == "process"
    assert not found.holds
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe("auto") is found


@linux
def test_auto_is_isolated_where_that_holds():
    assert probe() == probe("isolated")


def test_a_report_says_what_stands():
    report = Report("isolated", "Linux", "6.18", True, 7, ("net",), ("read", "write"), ())
    assert str(report) == (
        "isolated on Linux 6.18: seccomp, Landlock 7, namespaces: net; 2 of 2 attempts refused"
    )


def test_what_is_done_without_is_read_from_the_environment(monkeypatch):
    assert without() == ()
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", " namespaces, landlock ,")
    assert without() == ("landlock", "namespaces")
