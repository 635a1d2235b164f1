"""What the tests of pictures share."""

from __future__ import annotations

import pytest

from opto.trace import bundle, node
from opto.trace.graph import ancestors
from opto.view.picture import Picture
from opto.view.text import Dot
from tests.support.openai_server import OpenAIServer


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def output():
    """The output of a small program whose values hold the signs that DOT and HTML use."""
    x = node('say <b>"hi"</b> \\n', name="x", trainable=True, description="a: b -> c")
    return x.upper() + "\n{a|b}"


@pytest.fixture
def p():
    """A parameter."""
    return node(5, name="p", trainable=True, description="how much")


@pytest.fixture
def nested(p):
    """The result of a call within a call, which uses `p`."""

    @bundle("[inner] adds p", traceable_code=True)
    def inner(v):
        return v + p

    @bundle("[outer] <adds> and doubles", traceable_code=True)
    def outer(v):
        return inner(v) * 2

    return outer(node(1, name="x"))


@pytest.fixture
def dot(output) -> Dot:
    """The picture of that program."""
    return Dot(Picture.of(ancestors(output), output))
