"""What several rooms of the tracer are tested with."""

from __future__ import annotations

import sys

import pytest

from opto.trace import Node, bundle, node


@pytest.fixture
def impatient():
    """Threads take turns as often as the interpreter allows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def p() -> Node:
    return node(5, name="p", trainable=True)


@pytest.fixture
def x() -> Node:
    return node(1, name="x")


@pytest.fixture
def nested(p):
    """A function that works on nodes and calls one."""

    @bundle("[inner] adds p", traceable_code=True)
    def inner(v):
        return v + p

    @bundle("[outer] adds p, and doubles", traceable_code=True)
    def outer(v):
        return inner(v) * 2

    return outer
