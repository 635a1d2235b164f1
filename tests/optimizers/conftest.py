"""Programs and optimizers that the tests of this room share."""

from __future__ import annotations

import pytest

from opto.llm import ScriptedLLM
from opto.optimizers import OptoPrime
from opto.trace import node


@pytest.fixture
def x():
    return node(3, name="x", trainable=True)


@pytest.fixture
def asked(x):
    """An optimizer of `x` that has feedback, and its scripted model."""

    def make(*replies, parameters=None, output=None, feedback="larger", **options):
        model = ScriptedLLM(replies)
        optimizer = OptoPrime(parameters or [x], llm=model, **options)
        optimizer.zero_feedback()
        optimizer.backward(x * 2 if output is None else output, feedback)
        return optimizer, model

    return make
