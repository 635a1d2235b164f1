"""What every test, and every example in a docstring, lives under.

No network but this machine, no key, no model of the user's. It stands at the root
because the examples stand in `src`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from ipaddress import ip_address

import hypothesis
import pytest

hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


OURS = ("TRACE_", "OPTO_", "LITELLM_")
KEYS = ("_API_KEY", "_API_BASE", "_BASE_URL", "_AUTH_TOKEN")
OTHERS = ("DEFAULT_LITELLM_MODEL", "OAI_CONFIG_LIST")


class OutsideNetworkError(RuntimeError):
    """A test tried to leave this machine."""


def is_loopback(host: object) -> bool:
    """Whether a connection to `host` stays on this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost"}:
        return True
    try:
        return ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(host: object) -> None:
    if not is_loopback(host):
        message = (
            f"a test reached out to {host!r}; tests talk to 127.0.0.1 only: "
            "start a server in the test, or use opto.llm.ScriptedLLM"
        )
        raise OutsideNetworkError(message)


def guarded(method, position: int):
    """`method` of a socket, refusing an address outside; the address is argument `position`."""

    def call(sock, *args):
        if sock.family in {socket.AF_INET, socket.AF_INET6}:
            refuse(args[position][0])
        return method(sock, *args)

    return call


@pytest.fixture(scope="module", autouse=True)
def frozen_past():
    """What was there before a file's tests is not looked through for living nodes or garbage.

    Ten thousand tests and all that they import are more than a million objects: half a second
    for each look and each full collection.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Nothing in a test can reach a model or spend money."""
    look_up = socket.getaddrinfo

    def guarded_look_up(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.rstrip(".").endswith(".invalid"):
            # No resolver knows a name under it (RFC 6761); asking one would leave the machine.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        refuse(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name, position in {"connect": 0, "connect_ex": 0, "sendto": -1}.items():
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name), position))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_event_loop():
    """Clients that ask for the present loop make one and leave it open for others to trip over.

    Told that there is none, they run and close one of their own.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """A test means the same on every machine, whatever models its owner uses."""
    for name in os.environ:
        if name.startswith(OURS) or name.endswith(KEYS) or name in OTHERS:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def fresh_names():
    """The first node of a test is `int:0`, whichever test ran before."""
    # Not imported here: the tests of `llm` run, and fail, without the tracer.
    if tracer := sys.modules.get("opto.trace"):
        tracer.GRAPH.clear()
