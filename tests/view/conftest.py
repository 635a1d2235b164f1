"""What the tests of pictures share."""

from __future__ import annotations

import pytest

from opto.trace import node
from opto.trace.graph import ancestors
from opto.view.picture import Picture
from opto.view.text import Dot


@pytest.fixture
def output():
    """The output of a small program whose values hold the signs that DOT and HTML use."""
    x = node('say <b>"hi"</b> \\n', name="x", trainable=True, description="a: b -> c")
    return x.upper() + "\n{a|b}"


@pytest.fixture
def dot(output) -> Dot:
    """The picture of that program."""
    return Dot(Picture.of(ancestors(output), output))
