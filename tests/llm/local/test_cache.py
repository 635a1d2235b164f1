from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from opto.llm.local.cache import cache_folder, exclusive, mismatch
from tests.llm.local.model_files import CONTENT, pin


def test_own_folder_comes_before_the_users_cache(monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/opto")
    monkeypatch.setenv("OPTO_CACHE", "/mine")
    assert cache_folder() == Path("/mine")
    monkeypatch.delenv("OPTO_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "opto"


def test_the_pinned_file_has_no_mismatch(tmp_path) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(CONTENT)
    assert mismatch(file, pin("")) is None


@pytest.mark.parametrize(
    ("content", "word"), [(CONTENT[:-1], "length"), (CONTENT[:-1] + b"!", "SHA-256")]
)
def test_mismatch_says_what_differs(tmp_path, content, word) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(content)
    assert word in mismatch(file, pin(""))


def test_a_file_changed_after_the_check_is_checked_again(tmp_path) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(CONTENT)
    assert mismatch(file, pin("")) is None
    file.write_bytes(CONTENT[:-1] + b"!")
    os.utime(file, ns=(1, 1))
    assert mismatch(file, pin("")) is not None


def test_threads_take_turns(tmp_path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def visit(number: int) -> None:
        with exclusive(tmp_path / "lock"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def _hold_and_die(path: str, ready) -> None:
    with exclusive(Path(path)):
        ready.set()
        time.sleep(60)


def test_a_killed_process_lets_go(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_and_die, args=(str(tmp_path / "lock"), ready))
    process.start()
    assert ready.wait(30)
    process.kill()
    process.join()
    with exclusive(tmp_path / "lock"):
        pass
