"""What mypy and pyright take nodes and their methods for; run, it must be true."""

# pyright: strict

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.trace import Node, node
from opto.trace.nodes import ParameterNode

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:
    from tests.typing.truth import assert_type


def test_making() -> None:
    assert_type(node(3), Node[int])
    assert_type(node(3).data, int)
    assert_type(node([1, 2]), Node[list[int]])
    assert_type(node(None), Node[None])
    assert_type(node(node(3)), Node[int])
    assert_type(node("a", "name", description="text"), Node[str])
    assert_type(Node(3, name="n"), Node[int])
    wider: Node[object] = node(3)
    assert wider.data == 3


def test_making_parameters() -> None:
    assert_type(node(3, trainable=True), ParameterNode[int])
    assert_type(node("a", "name", trainable=True, projections=[]), ParameterNode[str])
    assert_type(node(node(3), trainable=True), ParameterNode[int])
    assert_type(node(3, trainable=False), Node[int])
    assert_type(ParameterNode(3, name="n"), ParameterNode[int])
    assert_type(node(node(3, trainable=True)), Node[int])
    assert_type(node("a", trainable=True) + "b", Node[str])
    assert_type(node("a", trainable=True).data, str)


def perhaps(trainable: bool) -> None:
    assert_type(node(3, trainable=trainable), Node[int])


def test_making_what_may_be_a_parameter() -> None:
    perhaps(True)
    perhaps(False)


def test_text() -> None:
    text = node("a b")
    assert_type(text.upper(), Node[str])
    assert_type(text.lower().title().swapcase().capitalize(), Node[str])
    assert_type(text.split(), Node[list[str]])
    assert_type(text.split(node(" "), 1)[0], Node[str])
    assert_type(text.strip(), Node[str])
    assert_type(text.replace("a", node("b")), Node[str])
    assert_type(text.join(["a", node("b")]), Node[str])
    assert_type(text.join(node(["a", "b"])), Node[str])
    assert_type(text.join(n for n in [node("a")]), Node[str])
    assert_type(node("{x} {}").format(1, x=node(2)), Node[str])
    assert_type(text.len(), Node[int])
    assert_type(len(text), int)


def test_lists_and_dicts() -> None:
    ages = node({"a": 1})
    assert_type(ages.keys(), Node[list[str]])
    assert_type(ages.values(), Node[list[int]])
    assert_type(ages.get("a"), Node[int | None])
    assert_type(ages.get(node("b")), Node[int | None])
    assert_type(ages.get("a", 0), Node[int])
    assert_type(ages.get("b", "none"), Node[int | str])
    assert_type(ages.get("b", node("none")), Node[int | str])
    assert_type(ages.pop("a"), Node[int])
    assert_type(node([1, 2]).pop(), Node[int])
    assert_type(node([1, 2]).pop(node(0)), Node[int])
    assert_type(node([1, 2]).append(3), Node[Any])


def test_iterating() -> None:
    for item in node([1, 2]):
        assert_type(item, Node[int])
    for key in node({"a": 1}):
        assert_type(key, Node[str])
    first, second = node((1, 2))
    assert_type(first + second, Node[int])
    assert_type([n + 1 for n in node({1})], list[Node[int]])
    assert 1 in node([1])


def test_nodes_stand_in_sets_and_dicts() -> None:
    one, two = node(1), node(2)
    assert_type({one, two}, set[Node[int]])
    assert_type({one: "one"}[one], str)


def test_copies() -> None:
    assert_type(node(3).clone(), Node[int])
    assert_type(node(3).detach(), Node[int])
    assert_type(node(3, trainable=True).detach(), ParameterNode[int])


def test_methods_of_values() -> None:
    assert_type(node("a").call("upper"), Node[Any])
    assert_type(node("a").getattr("upper"), Node[Any])
    assert_type(node(len)([1]), Node[int])


def of_little_known(held: Node[Any]) -> None:
    assert_type(held.upper(), Node[str])
    assert_type(list(held), list[Node[Any]])
    assert_type(held.split(held), Node[list[str]])
    assert_type(held.getattr("__len__")(), Node[Any])


def test_of_what_little_is_known_nothing_is_claimed() -> None:
    of_little_known(node("a"))
