"""Nodes: making them, naming them, looking at them, copying them (SPEC 2.1 to 2.3, 2.7, 2.10)."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from opto.errors import NodeError, OptoError
from opto.trace import GRAPH, Node, bundle, node
from opto.trace.nodes import (
    AbstractNode,
    ExceptionNode,
    MessageNode,
    ParameterNode,
    get_op_name,
)

# --- the factory -------------------------------------------------------------------------------


def test_a_value_becomes_a_plain_node():
    x = node(3)
    assert type(x) is Node
    assert isinstance(x, AbstractNode)
    assert (x.data, x.trainable, x.type) == (3, False, int)


def test_a_node_is_returned_as_it_is():
    x = node(3)
    assert node(x) is x


def test_a_name_for_an_existing_node_is_ignored_with_a_warning():
    x = node(3, name="x")
    with pytest.warns(UserWarning, match="x:0|name"):
        again = node(x, name="y")
    assert again is x
    assert x.name == "x:0"


def test_trainable_makes_a_parameter():
    x = node(3, trainable=True)
    assert type(x) is ParameterNode
    assert x.trainable is True
    assert x.parameter_dependencies == {x}


def test_trainable_from_a_node_is_a_new_parameter_with_its_value_and_base_name():
    value = [1]
    x = node(value, name="w", description="about w")
    p = node(x, trainable=True)
    assert p is not x
    assert type(p) is ParameterNode
    assert p.data is value
    assert p.name == "w:1"
    assert node(x, name="v", trainable=True).name == "v:0"


def test_the_value_is_neither_copied_nor_wrapped_deeper():
    inner = node(1)
    value = [inner]
    assert node(value).data is value
    assert value[0] is inner


@pytest.mark.parametrize("trainable", [False, True])
def test_a_description_must_be_text(trainable: bool):
    with pytest.raises(NodeError, match="description"):
        node(1, trainable=trainable, description=7)


@pytest.mark.parametrize("make", [lambda **k: node(1, **k), lambda **k: Node(1, **k)])
def test_a_colon_in_a_name_is_refused_and_the_message_shows_the_name(make):
    with pytest.raises(NodeError, match="a:b") as caught:
        make(name="a:b")
    assert isinstance(caught.value, ValueError)


def test_an_unknown_keyword_is_a_type_error_that_names_the_nearest():
    with pytest.raises(TypeError, match="did you mean 'trainable'") as caught:
        node(1, trainabel=True)
    assert isinstance(caught.value, OptoError)


# --- what a node says of itself -----------------------------------------------------------------


def test_private_value_is_read_and_set():
    x = node(3, trainable=True)
    x._data = 4
    assert x.data == x._data == 4
    x._set(5)
    assert x.data == 5
    x._set(node(6))
    assert x.data == 6


def test_there_is_no_public_setter():
    with pytest.raises(AttributeError):
        node(3).data = 4


def test_roots_leaves_levels_parents_children():
    x, y = node(1), node(2)
    assert (x.level, x.is_root, x.is_leaf, x.parents, x.children) == (0, True, True, [], [])
    z = x + y
    w = z * x
    assert [n.level for n in (x, z, w)] == [0, 1, 2]
    assert [p.name for p in w.parents] == [z.name, x.name]
    assert {c.name for c in x.children} == {z.name, w.name}
    assert (z.is_root, z.is_leaf, w.is_leaf, x.is_leaf) == (False, False, True, False)
    assert z.lt(x) is True
    assert z.gt(x) is False


def test_a04_same_parent_twice_is_one_parent_and_two_inputs():
    x = node(3)
    y = x + x
    assert [p is x for p in y.parents] == [True]
    assert [n is x for n in y.inputs.values()] == [True, True]
    assert [c is y for c in x.children] == [True]


def test_inputs_are_a_copy():
    x = node(3)
    y = x + x
    y.inputs.clear()
    assert set(y.inputs) == {"x", "y"}


def test_parameter_dependencies_are_those_upstream():
    p, q, c = node(1, trainable=True), node(2, trainable=True), node(3)
    y = (p + c) * c
    assert y.parameter_dependencies == {p}
    assert (y - q).parameter_dependencies == {p, q}
    assert (c + c).parameter_dependencies == set()


@pytest.mark.parametrize("trainable", [False, True])
def test_descriptions_keep_the_users_words_and_the_tag_apart(trainable: bool):
    bare = node(1, trainable=trainable)
    told = node(1, trainable=trainable, description="how loud")
    tagged = node(1, trainable=trainable, description="[Volume] how loud")
    kind = "ParameterNode" if trainable else "Node"
    assert bare.description is None
    assert bare._description.startswith(f"[{kind}]")
    assert told.description == "how loud"
    assert told._description == f"[{kind}] how loud"
    assert (tagged.description, tagged.op_name) == ("how loud", "Volume")
    assert get_op_name("[Volume] how loud") == "Volume"


def test_a_result_tells_its_operation():
    y = node(1) + 2
    assert y.op_name == "add"
    assert y._description.startswith("[add] ")
    assert y.info["fun_name"] == "add"
    assert get_op_name(y._description) == "add"


def test_constraint_is_kept():
    x = node(1, trainable=True, constraint="between 0 and 9")
    assert x.constraint == x._constraint == "between 0 and 9"
    assert node(1).constraint is None
    assert Node(1, constraint="odd").constraint == "odd"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: node(1, name="x"), "Node: (x:0, dtype=<class 'int'>, data=1)"),
        (
            lambda: node("a", name="x", trainable=True),
            "ParameterNode: (x:0, dtype=<class 'str'>, data=a)",
        ),
        (lambda: -node(1), "MessageNode: (neg:0, dtype=<class 'int'>, data=-1)"),
    ],
)
def test_text_form(make, text: str):
    it = make()
    assert str(it) == text
    assert f"{it}" == text


def test_repr_is_not_the_text_of_the_value():
    assert re.search(r"0x[0-9a-f]+", repr(node(1))) or "node" in repr(node(1)).lower()


# --- equality, truth, hash ----------------------------------------------------------------------


def test_equality_is_a_plain_bool_on_values():
    x = node(1)
    assert (x == 1) is True
    assert (x == node(1)) is True
    assert (x != node(1)) is False
    assert (x == "1") is False
    assert x.children == []


def test_hash_is_identity():
    x, y = node([1]), node([1])
    assert x == y
    assert len({x: 1, y: 2}) == 2


def test_truth_length_membership_are_plain():
    full, empty = node([1, 2]), node([])
    assert bool(full) is True
    assert bool(empty) is False
    assert len(full) == 2
    assert (1 in full) is True
    assert (node(9) in full) is False
    assert (full and empty) is empty


def test_a20_membership_and_sorting_leave_nothing_behind():
    items = [node(3), node(1), node(2)]
    before = len(GRAPH)
    assert [n.data for n in sorted(items)] == [1, 2, 3]
    assert max(items) is items[0]
    assert 3 in node([1, 2, 3])
    assert len(GRAPH) == before
    assert [n.children for n in items] == [[], [], []]


# --- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda n: n.detach()])
def test_a_deep_copy_is_a_new_root_under_the_next_name(copied):
    p = node([1], name="p", trainable=True, description="words", constraint="short")
    y = p * 2
    y.backward("more")
    q = copied(p)
    assert type(q) is ParameterNode
    assert q.name == "p:1"
    assert q.data == [1]
    assert q.data is not p.data
    assert (q.parents, q.children) == ([], [])
    assert not q.feedback
    assert (q.trainable, q.description, q.constraint) == (True, "words", "short")
    assert p.feedback


def test_a_deep_copy_of_a_result_has_no_origin():
    y = node(1) + 2
    z = copy.deepcopy(y)
    assert (z.data, z.parents, z.is_root) == (3, [], True)
    assert z.name == "add:1"


def test_a_deep_copy_of_a_long_chain_does_not_recurse():
    y = node(0, trainable=True)
    for _ in range(3000):
        y = y + 1
    assert copy.deepcopy(y).data == y.detach().data == 3000


def test_a_shallow_copy_shares_the_name():
    p = node([1], name="p")
    q = copy.copy(p)
    assert q.name == p.name
    assert q.data is p.data


def test_a_clone_is_a_child_with_a_deep_copy_of_the_value():
    x = node([[1]])
    y = x.clone()
    assert [p is x for p in y.parents] == [True]
    assert y.data == [[1]]
    assert y.data[0] is not x.data[0]
    assert y.op_name == "clone"


# --- nodes made by hand -------------------------------------------------------------------------


def test_a_message_takes_a_list_or_a_dictionary_of_nodes():
    x, y = node(1, name="x"), node(2, name="y")
    by_name = MessageNode(3, inputs={"a": x, "b": y}, description="[join] both")
    listed = MessageNode(3, inputs=[x, y], description="[join] both", name="out")
    assert list(by_name.inputs) == ["a", "b"]
    assert [n.name for n in listed.inputs.values()] == ["x:0", "y:0"]
    assert (by_name.name, listed.name) == ("join:0", "out:0")
    assert by_name.level == 1


@pytest.mark.parametrize("inputs", [7, {"a": 1}, [1]])
def test_a_message_refuses_what_is_no_node(inputs):
    with pytest.raises(NodeError):
        MessageNode(3, inputs=inputs, description="[join] both")


def test_an_exception_node_says_type_and_message():
    x = node(1)
    e = ExceptionNode(ValueError("bad"), inputs=[x], description="[f] it failed")
    assert e.data == "(ValueError) bad"
    assert e.create_feedback() == e.create_feedback("simple") == "(ValueError) bad"
    assert str(e).startswith("MessageNode: (")


def test_an_exception_of_a_module_is_named_with_it():
    e = ExceptionNode(re.error("odd"), inputs=[node(1)], description="[f] it failed")
    assert re.fullmatch(r"\([\w.]+\.(error|PatternError)\) odd", e.data)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x + 1,
        lambda x: x.call("bit_length"),
        lambda x: bundle("[shout] loud")(lambda v: v)(x),
    ],
)
def test_a_node_travels_by_pickle_without_its_graph(make):
    y = make(node(3, name="x", trainable=True, description="a number"))
    back = pickle.loads(pickle.dumps(y))  # noqa: S301 - our own bytes
    assert (back.name, back.data, back.description) == (y.name, y.data, y.description)
    assert back.parents == []
    assert back.trainable == y.trainable


def test_inputs_of_one_name_are_all_there():
    a, b = node(1, name="x1"), [node(i, name="x") for i in range(11)][10]

    @bundle(allow_external_dependencies=True)
    def add():
        return a.data + b.data

    @bundle()
    def count(*args, **options):
        return len(args) + len(options)

    assert add().inputs == {"x10": a, "x10_2": b}
    assert list(count(1, args_0=3).inputs) == ["args_0", "args_0_2"]
