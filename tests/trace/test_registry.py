"""The registry: names, and looking nodes up by them (SPEC 2.2, A13, A25)."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest

from opto.errors import NodeError
from opto.trace import GRAPH, node, stop_tracing
from opto.trace.graph import names_of
from opto.trace.nodes import NAME_SCOPES, MessageNode, ParameterNode


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


@pytest.mark.parametrize(
    "refused",
    [
        lambda: node(1, name="a:b"),
        lambda: node(1, trainable=True, description=3),
        lambda: MessageNode(1, inputs=[1], description="[f] d"),
        lambda: MessageNode(1, inputs=[], description="no tag"),
        lambda: ParameterNode(1, projections=[3]),
    ],
)
def test_a_node_that_was_refused_does_not_spoil_the_look_up(refused):
    x = node(1, name="x")
    with pytest.raises(NodeError) as kept:  # its traceback holds what was half made
        refused()
    assert GRAPH.get("x:0") is x
    assert x.children == []
    assert len(GRAPH) >= 1
    assert kept.value


def test_looking_up_touches_no_object_but_nodes():
    class Shy:
        @property
        def __class__(self):
            raise RuntimeError

    class Target:
        pass

    shy, dead = Shy(), weakref.proxy(Target())
    x = node(1, name="x")
    assert GRAPH.get("x:0") is x
    assert x.children == []
    assert type(shy) is Shy
    assert type(dead) is weakref.ProxyType


def test_looking_up_while_other_threads_make_nodes():
    done = threading.Event()
    x = node(1, name="x")

    def make():
        while not done.is_set():
            x + 1

    makers = [threading.Thread(target=make) for _ in range(3)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for maker in makers:
            maker.start()
        for _ in range(30):
            assert GRAPH.get("x:0") is x
            assert all(child.parents[0] is x for child in x.children)
    finally:
        done.set()
        sys.setswitchinterval(before)
        for maker in makers:
            maker.join()


def test_looking_for_nodes_disturbs_no_tuple_that_is_being_filled():
    """A list of all objects would hold it, and Python would refuse to make it shorter."""
    looking = []

    def items():
        for i in range(30):
            looking.append(GRAPH.alive())
            yield i

    assert tuple(items()) == tuple(range(30))
