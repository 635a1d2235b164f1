"""The server's house-keeping; starting a real one is in tests/llm/local/test_real.py."""

from __future__ import annotations

import sys

import pytest

from opto.errors import ModelMissing
from opto.llm.local.server import Running, Setup, running


def setup_of(path, **changes):
    return Setup(
        **{"path": path, "name": "x", "threads": 1, "context": 512, "gpu_layers": 0} | changes
    )


def test_a_missing_runtime_is_said_with_its_command(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelMissing, match=r'pip install "trace-opt\[local\]"'):
        running(setup_of(tmp_path / "x.gguf"))


def test_a_file_that_llama_cpp_cannot_load_is_said(tmp_path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF and then nothing sensible")
    with pytest.raises(ModelMissing, match=r"broken\.gguf cannot be loaded"):
        running(setup_of(file))


def test_the_key_does_not_show() -> None:
    assert "secret" not in repr(Running("http://127.0.0.1:1/v1", "secret", object()))
