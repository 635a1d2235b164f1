"""Graph: the frozen snapshot of a run, and its JSON."""

from __future__ import annotations

import pickle
from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import NodeError, StoreError
from opto.trace import ExecutionError, bundle, node
from opto.trace.feedback import Feedback, Remark
from opto.trace.graph import Graph
from opto.trace.utils import sum_feedback

# --- values that JSON has an exact form for ------------------------------------------------

letters = st.text(st.characters(exclude_categories=()), max_size=4)  # with half surrogate pairs
simple = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**1100), 10**1100)
    | st.floats()
    | st.complex_numbers()
    | letters
    | st.binary(max_size=4)
)
hashable = st.recursive(
    simple,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
values = st.recursive(
    simple | st.binary(max_size=4).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(letters | st.just("$"), inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.sets(hashable, max_size=3)
        | hashable
    ),
    max_leaves=12,
)


def exact(value):
    """A value with the types of all its parts; NaN is itself, and 1 is not True."""
    kind = type(value)
    if kind in (list, tuple):
        return kind, [exact(item) for item in value]
    if kind in (set, frozenset):
        return kind, sorted(repr(exact(item)) for item in value)
    if kind is dict:
        return kind, [(exact(key), exact(item)) for key, item in value.items()]
    return kind, repr(value) if kind is not int else hex(value)


def exactly(graph):
    said = [(r.output, exact(r.content), exact(r.score)) for r in graph.feedback.remarks]
    plain = [replace(step, value=None) for step in graph.steps]
    return plain, [exact(step.value) for step in graph.steps], graph.outputs, said


def shaped(value):
    x = node(value, name="x", trainable=True, description='ä\n"', constraint="c")
    graph = Graph.of(pair(x, [value]))
    return replace(graph, feedback=Feedback((Remark("x0", value, 0.5), Remark("x0", "w", nan))))


@bundle()
def pair(v, w):
    return (v, w)


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def run():
    x = node(3, name="x", trainable=True, description="a number", constraint="positive")
    b = node(1, name="b")
    z = scale(x) + b
    return x, z * x


def test_all_that_an_output_was_computed_from():
    x, w = run()
    graph = Graph.of(w)
    assert [s.level for s in graph.steps] == [0, 0, 0, 1, 2, 3]
    first, last = graph[x.py_name], graph[w.py_name]
    assert (first.kind, first.trainable, first.op) == ("parameter", True, None)
    assert (first.description, first.constraint) == ("a number", "positive")
    assert (last.op, last.value, dict(last.inputs)["y"]) == ("multiply", 21, x.py_name)
    assert graph.outputs == (w.py_name,)
    assert "[scale] Multiply by k" in [s.documentation for s in graph.steps]


def test_of_what_feedback_has_passed():
    x, w = run()
    w.backward("make it larger")
    graph = Graph.of(sum_feedback([x]))
    assert graph.outputs == (w.py_name,)
    assert graph.feedback.content == "make it larger"
    assert len(graph) == 6


def test_inputs_outside_of_the_part_make_a_given():
    x = node(1, trainable=True)
    aside = node(5) + 1
    y = x + aside
    y.backward("more")
    graph = Graph.of(sum_feedback([x]))
    assert graph[aside.py_name].op is None
    assert graph[y.py_name].op == "add"


def test_a_failure_is_a_step():
    @bundle()
    def fail(v):
        raise ValueError("no")

    with pytest.raises(ExecutionError) as caught:
        fail(node(1))
    graph = Graph.of(caught.value.exception_node)
    assert graph.steps[-1].kind == "exception"
    assert graph.steps[-1].value == "(ValueError) no"


def test_names_are_unique_in_a_graph():
    one, ten = node(1, name="x1"), [node(i, name="x") for i in range(11)]
    total = one + ten[10]
    names = [s.name for s in Graph.of(total).steps]
    assert len(set(names)) == len(names)


@given(values)
def test_json_gives_back_the_same_graph(value):
    graph = shaped(value)
    assert exactly(Graph.from_json(graph.to_json())) == exactly(graph)


@given(values)
def test_pickle_gives_back_the_same_graph(value):
    graph = shaped(value)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(graph, protocol))  # noqa: S301 - our own bytes
        assert exactly(back) == exactly(graph)
        assert not hasattr(back, "__dict__")


@pytest.mark.parametrize("dtype", ["i4", "f8", "c16", "?", "U3", "M8[s]"])
def test_arrays_come_back_exactly(dtype):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6).astype(dtype).reshape(2, 3)
    graph = Graph.of(node([array, array[0, 1]]))
    for back in (Graph.from_json(graph.to_json()), pickle.loads(pickle.dumps(graph))):  # noqa: S301
        whole, one = back.steps[0].value
        assert (whole.dtype, whole.shape, type(one)) == (array.dtype, (2, 3), type(array[0, 1]))
        assert (whole == array).all()
        assert one == array[0, 1]


class Silent:
    def __str__(self):
        raise RuntimeError


def test_what_json_cannot_say_becomes_its_text():
    ring = []
    ring.append(ring)
    graph = Graph.of(*map(node, (len, ring, Silent())))
    said = [step.value for step in Graph.from_json(graph.to_json()).steps]
    assert said == [str(len), "[[...]]", "<Silent, which cannot be shown: RuntimeError>"]


def test_two_inputs_of_one_name_are_both_there():
    one, ten = node(1, name="x1"), [node(i, name="x") for i in range(11)][10]

    @bundle(allow_external_dependencies=True)
    def add():
        return one.data + ten.data

    graph = Graph.of(add())
    assert graph.steps[-1].inputs == (("x10", "x10"), ("x10_2", "x10_2"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"format": "other"}', '{"format": 1}', "[" * 100_000),
        '{"format": "opto.graph/1", "steps": 1, "outputs": [], "feedback": []}',
        '{"format": "opto.graph/1", "steps": [1], "outputs": [], "feedback": []}',
        '{"format": "opto.graph/1", "steps": [], "outputs": [], "feedback": [{"output": 1}]}',
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(StoreError):
        Graph.from_json(text)


def test_a_deep_graph_is_a_snapshot_too():
    x = node(0)
    for _ in range(5000):
        x = x + 1
    assert Graph.of(x).steps[-1].level == 5000


def test_a_name_that_no_step_has_is_told_with_the_nearest():
    with pytest.raises(NodeError, match=r"no step of this graph is called 'ad0'.*'add0'"):
        Graph.of(node(1) + 1)["ad0"]
