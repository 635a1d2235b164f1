"""llama.cpp's server inside this process, one for each model file in use."""

from __future__ import annotations

import atexit
import os
import secrets
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from opto.errors import ModelMissing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Running", "Setup", "at_work", "running", "stop"]

INSTALL = 'pip install "trace-opt[local]"'
PROMPT_CACHE_MIB = 512


@dataclass(frozen=True, slots=True)
class Setup:
    """How a model is served; equal setups share one server.

    Args:
        path: the model file.
        name: what the server calls the model.
        threads: inference threads.
        context: tokens that prompt and answer may have together.
        gpu_layers: how many of the model's layers a graphics card computes.
    """

    path: Path
    name: str
    threads: int
    context: int
    gpu_layers: int


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens.

    Args:
        url: the root of its OpenAI-compatible API, on 127.0.0.1.
        key: the key that it wants; other users of the machine do not know it.
    """

    url: str
    key: str = field(repr=False)
    _server: Any = field(repr=False)


# A server holds gigabytes, so that all models in the process that want the same one must
# meet somewhere. The process's number is part of the key: a forked child has no threads of
# its parent's server, and touching that one, even to close it, would wait for ever.
_servers: dict[tuple[int, Setup], Running] = {}
_door = Lock()


def running(setup: Setup) -> Running:
    """The server of `setup`, started if this process has none yet.

    Raises:
        ModelMissing: `xllamacpp` is not installed, or the file cannot be loaded.
    """
    key = (os.getpid(), setup)
    with _door:
        if key not in _servers:
            _servers[key] = _start(setup)
        return _servers[key]


def at_work(model: str) -> Running | None:
    """The server of a model that this process has loaded already, or None.

    Args:
        model: what it is called, or the path of its file.
    """
    with _door:
        for (process, setup), server in _servers.items():
            if process == os.getpid() and model in {setup.name, str(setup.path)}:
                return server
    return None


def stop() -> None:
    """Close the servers of this process; the next question starts them again."""
    with _door:
        for key in [key for key in _servers if key[0] == os.getpid()]:
            del _servers[key]


atexit.register(stop)


def _start(setup: Setup) -> Running:
    try:
        import xllamacpp  # lazy: a vendor's package, and an optional one
    except ImportError as error:
        raise ModelMissing(
            f"The local model needs the package xllamacpp, which cannot be imported "
            f"({error}); install it with: {INSTALL}"
        ) from error
    key = secrets.token_urlsafe(24)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(setup.path)
    settings.model_alias = {setup.name}
    settings.n_ctx = setup.context
    settings.n_parallel = 1
    settings.n_gpu_layers = setup.gpu_layers
    settings.cpuparams.n_threads = setup.threads
    settings.cpuparams_batch.n_threads = setup.threads
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.api_keys = [key]
    settings.ui = False
    settings.endpoint_slots = False
    settings.cache_ram_mib = PROMPT_CACHE_MIB
    settings.verbosity = 0
    try:
        server = xllamacpp.Server(settings)
    except RuntimeError as error:
        raise ModelMissing(f"{setup.path} cannot be loaded by llama.cpp: {error}") from error
    return Running(f"{server.listening_address}/v1", key, server)
