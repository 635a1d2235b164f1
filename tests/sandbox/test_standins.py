"""Stand-ins behave as nodes and replies do, with the standard library alone."""

from __future__ import annotations

import ast
import asyncio
import operator
import sys
from pathlib import Path

import pytest

from opto.llm import Reply
from opto.sandbox import standins
from opto.sandbox.standing import ENTRY, with_standins
from opto.sandbox.standins import (
    Node,
    View,
    as_node,
    as_node_later,
    plain,
)
from opto.sandbox.standins import Reply as Said
from opto.sandbox.worker.scene import offered
from opto.trace import node

OPERATIONS = [
    lambda n: n + 2,
    lambda n: 2 + n,
    lambda n: 10 - n,
    lambda n: n * n,
    lambda n: -n,
    lambda n: n // 2,
    lambda n: n < 5,
    lambda n: n >= 5,
    lambda n: 2**n,
    lambda n: abs(n),
    lambda n: n & 1,
]
OF_TEXTS = [
    lambda n: n.upper(),
    lambda n: n + "x",
    lambda n: n[0],
    lambda n: n.replace("a", n),
    lambda n: n.split("b"),
    lambda n: n.split("b")[0],
]


@pytest.mark.parametrize("of", OPERATIONS)
def test_what_is_made_of_a_number_is_a_node_as_with_nodes(of):
    made = of(Node(3))
    assert type(made) is Node
    assert made.data == of(node(3)).data


@pytest.mark.parametrize("of", OF_TEXTS)
def test_what_is_made_of_a_text_is_a_node_as_with_nodes(of):
    made = of(Node("abc"))
    assert type(made) is Node
    assert made.data == of(node("abc")).data


@pytest.mark.parametrize(
    "of", [bool, len, lambda n: n == [1, 2], lambda n: 2 in n, lambda n: n != [1]]
)
def test_what_python_asks_is_answered_plainly_as_with_nodes(of):
    assert of(Node([1, 2])) == of(node([1, 2]))
    assert type(of(Node([1, 2]))) is type(of(node([1, 2])))


def test_items_are_nodes():
    assert [(type(item), item.data) for item in Node([1, 2])] == [(Node, 1), (Node, 2)]


def test_there_is_no_attribute_that_the_value_has_not():
    with pytest.raises(AttributeError):
        _ = Node(1).nothing
    with pytest.raises(AttributeError):
        _ = Node(1).__array_ufunc__
    assert str(Node(1)) == "Node: (1)"


def test_plain_takes_nodes_out_at_any_depth():
    assert plain([Node(1), (Node(2), {"a": Node(3)}), {4}]) == [1, (2, {"a": 3}), {4}]
    assert Node.__opto_plain__(Node(5)) == 5


def test_functions_are_given_plain_values():
    seen = []
    assert as_node(seen.append)(Node(1)).data is None
    assert seen == [1]

    async def add(a, b):
        return a + b

    assert asyncio.run(as_node_later(add)(Node(1), b=Node(2))).data == 3


def test_a_reply_has_the_form_of_a_reply():
    ours, theirs = Said("hi"), Reply("hi")
    assert ours.text == theirs.text
    assert ours.choices[0].message.content == theirs.choices[0].message.content
    assert ours.choices[0].message.role == theirs.choices[0].message.role


def test_a_reply_is_its_text_where_plain_data_is_wanted():
    assert offered(Said("hi")) == "hi"


def test_a_view_replaces_methods_and_nothing_else():
    class Seen:
        a = 1

        def b(self):
            return 2

    seen = Seen()
    view = View(seen, {"b": as_node(seen.b)})
    assert (view.a, view.b().data) == (1, 2)
    view.a = 3
    assert seen.a == 3
    del view.a
    assert seen.a == 1
    assert repr(view) == repr(seen)


def test_the_text_needs_the_standard_library_only():
    tree = ast.parse(Path(standins.__file__).read_text(encoding="utf-8"))
    found = {
        name.partition(".")[0]
        for statement in ast.walk(tree)
        for name in (
            [alias.name for alias in statement.names]
            if isinstance(statement, ast.Import)
            else [statement.module]
            if isinstance(statement, ast.ImportFrom)
            else []
        )
    }
    assert found <= sys.stdlib_module_names
    assert "operator" in found


def test_the_text_that_puts_them_in_place():
    text, name, sources = with_standins(
        "def f(self, x):\n    return self.ask(g(x))",
        "f",
        {"h": "h = 1"},
        {"g": "as_node"},
        {"ask": "as_node"},
    )
    assert name == ENTRY
    assert text.startswith("def f(self, x):\n    return self.ask(g(x))\n")
    world = {"g": operator.neg}
    for source in sources.values():
        exec(source, world)
    exec(text, world)

    class Seen:
        def ask(self, x):
            return x * 10

    assert world[name](Seen(), 3).data == -30
    assert world["h"] == 1
    # Nothing of theirs hides a name of the code's.
    assert "Node" not in world


def placed(made, function):
    _, _, sources = with_standins("", "f", {}, {"g": made}, {})
    world = {"g": function}
    for source in sources.values():
        exec(source, world)
    return world["g"]


def test_functions_that_say_what_they_return():
    assert placed("as_told", lambda x: ("", x))(1) == 1
    assert placed("as_told", lambda x: ("Node", x))(x=2).data == 2
    assert placed("as_told", lambda: ("Reply", "hi"))().choices[0].message.content == "hi"

    async def later(x):
        return "Node", x

    assert asyncio.run(placed("as_told_later", later)(3)).data == 3
