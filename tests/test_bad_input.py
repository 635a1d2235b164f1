"""Bad input gets an exception of ours that says what was wrong and what to do."""

from __future__ import annotations

import pytest

from opto.errors import (
    ArgumentError,
    BackwardError,
    NodeError,
    OptimizerError,
    OptoError,
    SourceError,
    TraceMissingInputsError,
)
from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import bundle, node


def unreadable():
    names = {"bundle": bundle}
    exec("f = bundle(trainable=True)(eval('lambda v: v'))", names)


def undeclared():
    hidden = node(1, name="hidden")
    bundle()(lambda v: v + hidden.data)(1)


def second_backward():
    x = node(1, trainable=True)
    y = x + 1
    y.backward("a")
    y.backward("b")


@pytest.mark.parametrize(
    ("mistake", "error", "advice"),
    [
        (lambda: node(1, name="a:b"), NodeError, "a_b"),
        (lambda: node(1, trainble=True), ArgumentError, "did you mean 'trainable'"),
        (lambda: bundle(trainble=True), ArgumentError, "did you mean 'trainable'"),
        (lambda: OptoPrime([], memory=5), ArgumentError, "memory_size"),
        (lambda: bundle("no brackets")(len), OptoError, "in brackets"),
        (unreadable, SourceError, "trainable=False"),
        (undeclared, TraceMissingInputsError, "hidden:0.*allow_external_dependencies"),
        (lambda: (node(1) + 1).backward(None), BackwardError, "None"),
        (second_backward, BackwardError, "retain_graph=True"),
        (lambda: OptoPrime([]), OptimizerError, "trainable=True"),
        (lambda: OptoPrime([node(1)]), OptimizerError, "trainable=True"),
        (lambda: OptoPrime([node(1, trainable=True)]).step(), OptimizerError, "backward"),
    ],
)
def test_the_error_is_ours_and_says_what_to_do(mistake, error, advice):
    with pytest.raises(error, match=advice) as caught:
        mistake()
    assert isinstance(caught.value, OptoError)


def test_a_model_that_raises_changes_nothing():
    def fail(**_):
        raise RuntimeError("no model today")

    x = node(1, trainable=True)
    optimizer = OptoPrime([x], llm=DummyLLM(fail), memory_size=3)
    optimizer.backward(x + 1, "more")
    with pytest.raises(RuntimeError, match="no model today"):
        optimizer.step()
    assert x.data == 1
    assert x.feedback
    assert len(list(optimizer.memory)) == 0
