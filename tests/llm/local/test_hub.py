"""The download from the hub, over real HTTP on 127.0.0.1."""

from __future__ import annotations

import threading

import pytest

from opto.errors import ModelUnavailable
from opto.llm.local import hub as hub_module
from opto.llm.local.hub import fetch
from tests.llm.local.model_files import CONTENT, NOBODY, pin


def test_whole_file_with_its_progress(hub, tmp_path) -> None:
    part, seen = tmp_path / "part", []
    fetch(pin(hub.address), part, seen.append)
    assert part.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert hub.asked == [None]


def test_resumes_what_is_there(hub, tmp_path) -> None:
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:400_000])
    fetch(pin(hub.address), part, lambda done: None)
    assert part.read_bytes() == CONTENT
    assert hub.asked == ["bytes=400000-"]


def test_cut_connections_are_continued(hub, tmp_path) -> None:
    hub.cuts = [300_000, 1, 500_000]
    part = tmp_path / "part"
    fetch(pin(hub.address), part, lambda done: None)
    assert part.read_bytes() == CONTENT
    assert hub.asked == [None, "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_without_range_support_it_begins_anew(hub, tmp_path) -> None:
    hub.ranges = False
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:400_000])
    fetch(pin(hub.address), part, lambda done: None)
    assert part.read_bytes() == CONTENT


def test_endless_restarts_without_range_support_end(hub, tmp_path) -> None:
    hub.ranges = False
    hub.cuts = [300_000, 200_000, 250_000, 100_000, 290_000, 200_000, 10, 20]
    with pytest.raises(ModelUnavailable, match="too early"):
        fetch(pin(hub.address), tmp_path / "part", lambda done: None)
    assert len(hub.asked) == 4


def test_a_busy_hub_is_asked_again_once_it_gave_something(hub, tmp_path) -> None:
    hub.cuts = [300_000]
    hub.statuses = [200, 503, 429]
    part = tmp_path / "part"
    fetch(pin(hub.address), part, lambda done: None)
    assert part.read_bytes() == CONTENT
    assert len(hub.asked) == 4


def test_a_missing_file_is_said_at_once(hub, tmp_path) -> None:
    hub.statuses = [404]
    with pytest.raises(ModelUnavailable, match="HTTP 404"):
        fetch(pin(hub.address), tmp_path / "part", lambda done: None)
    assert len(hub.asked) == 1


def test_a_file_that_is_too_short_is_said(hub, tmp_path) -> None:
    hub.content = CONTENT[:1000]
    with pytest.raises(ModelUnavailable, match="HTTP 416"):
        fetch(pin(hub.address), tmp_path / "part", lambda done: None)


def test_a_file_that_is_too_long_is_cut_at_its_pinned_length(hub, tmp_path) -> None:
    hub.content = CONTENT + b"more"
    part = tmp_path / "part"
    fetch(pin(hub.address), part, lambda done: None)
    assert part.read_bytes() == CONTENT


def test_nobody_there_fails_at_the_first_try(tmp_path) -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9"):
        fetch(pin(NOBODY), tmp_path / "part", lambda done: None)


def test_silence_is_cut_short(hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hub_module, "SILENCE", 0.2)
    release = threading.Event()
    monkeypatch.setattr(type(hub), "reply", lambda self, handler: release.wait(20))
    with pytest.raises(ModelUnavailable, match=r"timed out|TimeoutError"):
        fetch(pin(hub.address), tmp_path / "part", lambda done: None)
    release.set()
