"""Switching the recording off for a block (SPEC 2.2, A22)."""

from __future__ import annotations

import pytest

from opto.trace import GRAPH, bundle, node, stop_tracing
from opto.trace.nodes import MessageNode


def test_without_tracing_results_have_no_origin():
    x = node(2, trainable=True)
    double = bundle()(lambda v: v * 2)
    with stop_tracing():
        results = [x + 1, double(x), x.clone()]
    for y, value in zip(results, [3, 4, 2], strict=True):
        assert isinstance(y, MessageNode)
        assert (y.data, y.parents, y.inputs) == (value, [], {})
    assert x.children == []
    assert [p is x for p in (x + 1).parents][:1] == [True]


def test_a22_tracing_stays_off_until_the_outer_block_ends():
    assert GRAPH.TRACE is True
    with stop_tracing():
        with stop_tracing():
            pass
        assert GRAPH.TRACE is False
        assert (node(1) + 1).parents == []
    assert GRAPH.TRACE is True
    assert len((node(1) + 1).parents) == 2


def test_a22_tracing_comes_back_after_an_exception():
    with pytest.raises(KeyError), stop_tracing():
        raise KeyError
    assert len((node(1) + 1).parents) == 2
