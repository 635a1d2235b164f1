"""The registry: names, and looking nodes up by them (SPEC 2.2, A13, A25)."""

from __future__ import annotations

import gc

import pytest

from opto.trace import GRAPH, node, stop_tracing
from opto.trace.graph import names_of
from opto.trace.nodes import NAME_SCOPES


def test_names_count_from_zero_for_each_base():
    assert [node(1).name, node(2).name, node("a").name] == ["int:0", "int:1", "str:0"]
    x = node(1, name="x")
    assert (x.name, x.py_name, x.id) == ("x:0", "x0", "0")
    assert node(1, name="").name == ":0"


def test_results_are_named_after_the_operation():
    x, y = node(1, name="x"), node(2, name="y")
    assert (x + y).name == "add:0"
    assert (x + y).name == "add:1"
    assert (node("a") + node("b")).name == "concat:0"


def test_a_constant_beside_a_node_is_named_by_its_type():
    x = node(1, name="x")
    assert [p.name for p in (x + 5).parents] == ["x:0", "int:0"]


def test_the_registry_finds_what_is_alive():
    x = node(1, name="x")
    y = x + 1
    assert GRAPH.get("x:0") is x
    assert GRAPH.get("add:0") is y
    assert any(root is x for root in GRAPH.roots)
    assert not any(root is y for root in GRAPH.roots)
    before = len(GRAPH)
    kept = [node(i) for i in range(3)]
    assert len(GRAPH) == before + len(kept)
    del kept
    assert len(GRAPH) == before


def test_the_registry_does_not_find_what_is_gone():
    x = node(1, name="gone")
    del x
    gc.collect()
    with pytest.raises(Exception, match="gone:0"):
        GRAPH.get("gone:0")


def test_clear_restarts_the_names():
    node(1, name="x")
    GRAPH.clear()
    assert node(1, name="x").name == "x:0"


def test_the_registry_prints_itself():
    x = node(1, name="needle")
    assert x.name in str(GRAPH) or str(len(GRAPH)) in str(GRAPH)


def test_a_name_scope_stands_before_the_base():
    NAME_SCOPES.append("outer")
    try:
        assert node(1, name="x").name == "outer/x:0"
    finally:
        NAME_SCOPES.pop()
    assert node(1, name="x").name == "x:0"


def test_a13_names_given_to_an_optimizer_are_unique():
    first, second = node(1, name="x1", trainable=True), None
    for _ in range(11):
        second = node(2, name="x", trainable=True)
    assert first.py_name == second.py_name == "x10"
    names = names_of([first, second])
    assert set(names) == {first, second}
    assert len(set(names.values())) == 2


def test_a24_names_are_still_counted_without_tracing():
    with stop_tracing():
        first = node(1, name="x")
    assert [first.name, node(1, name="x").name] == ["x:0", "x:1"]


def test_a25_roots_and_get_do_not_raise():
    x = node(1, name="x")
    assert GRAPH.get("x:0") is x
    assert isinstance(list(GRAPH.roots), list)
