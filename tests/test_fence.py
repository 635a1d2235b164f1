"""The fence round the tests holds."""

from __future__ import annotations

import os
import socket

import pytest

from conftest import KEYS, OTHERS, OURS, is_loopback

OUTSIDE = ("192.0.2.1", 9)  # a documentation address, nobody's


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "", None, b"::1"])
def test_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.1", "example.com", "2001:db8::1", "10.0.0.1"])
def test_everything_else_is_not(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_no_connection_leaves_this_machine(method):
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        getattr(sock, method)(OUTSIDE)


def test_no_datagram_leaves_this_machine():
    with (
        socket.socket(type=socket.SOCK_DGRAM) as sock,
        pytest.raises(RuntimeError, match=r"192\.0\.2\.1"),
    ):
        sock.sendto(b"hello", OUTSIDE)


def test_no_name_is_looked_up():
    with pytest.raises(RuntimeError, match="example"):
        socket.create_connection(("example.com", 80))


def test_a_server_in_the_test_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            client.sendall(b"hello")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"


def test_no_key_is_seen():
    seen = {n for n in os.environ if n.startswith(OURS) or n.endswith(KEYS) or n in OTHERS}
    assert not seen
