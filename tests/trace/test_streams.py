"""Generators as bundled functions: the stream is a node, and so is each item it gives."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import BackwardError, NodeError
from opto.trace import bundle, node
from opto.trace.graph import Graph
from opto.trace.nodes import MessageNode, ParameterNode
from opto.trace.utils import sum_feedback
from tests.support.streams import count, data

# --- a stream is a node, and so is each item ------------------------------------------------------


def test_a_call_gives_a_node_recorded_as_any_call_is():
    x = node(3, trainable=True)
    stream = count(x)
    assert isinstance(stream, MessageNode)
    assert (stream.op_name, stream.inputs, stream.kind) == ("count", {"n": x}, "message")
    assert stream.name.startswith("count:")


def test_each_item_is_a_step_from_the_stream():
    x = node(3, trainable=True)
    stream = count(x)
    items = list(stream)
    assert data(items) == [0, 1, 2]
    for item in items:
        assert (item.op_name, item.inputs) == ("count.next", {"stream": stream})
        assert item.parameter_dependencies == {x}
    items[1].backward("more")
    assert sum_feedback([x]).user_feedback == "more"


def test_the_value_is_a_generator_of_plain_values():
    raw = count(node(3)).data
    assert isinstance(raw, Generator)
    assert isinstance(raw, Iterator)
    assert iter(raw) is raw
    assert next(raw) == 0
    assert raw.send(None) == 1
    assert list(raw) == [2]
    assert list(raw) == []
    assert inspect.getgeneratorstate(raw) == inspect.GEN_CLOSED
    assert (raw.__name__, repr(raw)) == ("count", "<generator count>")


def test_the_node_is_a_generator_of_nodes():
    stream = count(2)
    assert isinstance(stream, Generator)
    assert iter(stream) is stream
    assert next(stream).data == 0
    assert stream.send(None).data == 1
    with pytest.raises(StopIteration):
        next(stream)


def test_a_stream_is_consumed_once():
    stream = count(3)
    assert data(stream) == [0, 1, 2]
    assert data(stream) == []
    again = count(3)
    for item in again:
        assert item.data == 0
        break
    assert data(again) == [1, 2]


def test_what_python_does_with_generators():
    x = node(3, trainable=True)
    assert data([*count(x)]) == [0, 1, 2]
    total = sum(count(x))
    assert (total.data, total.parameter_dependencies) == (3, {x})
    assert [(a.data, b.data) for a, b in zip(count(x), count(x), strict=True)] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    a, *rest = count(x)
    assert (a.data, data(rest)) == (0, [1, 2])
    assert [i for i, _ in enumerate(count(x))] == [0, 1, 2]
    assert max(count(x)).data == 2
    assert 2 in count(x)
    assert 5 not in count(x)
    with pytest.raises(TypeError, match="len"):
        len(count(x))
    assert bool(count(0))
    assert data(item + 1 for item in count(x)) == [1, 2, 3]
    assert bundle()(lambda *a: sum(a))(*count(x)).data == 3


def test_the_value_that_it_returns():
    @bundle()
    def f(x):
        yield 1
        return x * 2

    x = node(4, trainable=True)
    stream = f(x)
    next(stream)
    with pytest.raises(StopIteration) as ended:
        next(stream)
    end = ended.value.value
    assert (end.data, end.op_name, end.inputs) == (8, "returned", {"stream": stream})
    assert end.parameter_dependencies == {x}
    with pytest.raises(StopIteration) as ended:
        next(stream)
    assert ended.value.value is None

    raw = f(x).data
    next(raw)
    with pytest.raises(StopIteration) as ended:
        next(raw)
    assert ended.value.value == 8


def test_an_unstarted_stream_runs_nothing():
    ran = []

    @bundle()
    def f(x):
        ran.append(x)
        yield x

    stream = f(1)
    assert ran == []
    next(stream)
    assert ran == [1]
    del stream
    f(2)
    assert ran == [1]


@given(st.lists(st.integers()), st.integers(0, 12))
def test_values_are_those_of_python(numbers, take):
    def plain(values):
        total = 0
        for v in values:
            total += v
            if total % 7 == 6:
                return "early"
            yield total

    def drawn(stream):
        got = []
        try:
            for _ in range(take):
                item = next(stream)
                got.append(item)
        except StopIteration as end:
            return got, end.value
        return got, None

    got, end = drawn(bundle()(plain)(numbers))
    values, expected = drawn(plain(numbers))
    assert ([n.data for n in got], end and end.data) == (values, expected)
    assert drawn(bundle()(plain)(numbers).data) == (values, expected)


# --- what is seen of it ---------------------------------------------------------------------------


def test_the_snapshot_reads_like_a_program():
    x = node(2, name="n", trainable=True)
    first, second = count(x)
    graph = Graph.of(first + second)
    ops = [step.op for step in graph.steps]
    assert ops == [None, "count", "count.next", "count.next", "add"]
    stream, item = graph.steps[1], graph.steps[2]
    assert item.inputs == (("stream", stream.name),)
    assert item.documentation == "[count.next] The next item of stream. Counts from zero."
    assert stream.documentation == "[count] Counts from zero."
    assert repr(stream.value) == "<generator count>"
    again = Graph.from_json(graph.to_json())
    assert [s.name for s in again.steps] == [s.name for s in graph.steps]


def test_a_stream_in_another_process_has_no_body():
    stream = count(2)
    there = pickle.loads(pickle.dumps(stream))  # noqa: S301 - made on the same line
    assert isinstance(there, MessageNode)
    assert repr(there.data) == "<generator count>"
    for use in (next, list, lambda n: n.send(1), lambda n: list(node(n.data))):
        with pytest.raises(NodeError, match="without a body"):
            use(there)
    assert data(stream) == [0, 1]


def test_copies_of_a_stream_share_its_body():
    stream = count(3)
    twin = copy.deepcopy(stream)
    assert next(twin).data == 0
    assert next(copy.copy(stream)).data == 1
    assert data(stream) == [2]
    assert data(stream.detach()) == []


def test_backward_through_several_items_shares_the_stream():
    x = node(3, trainable=True)
    items = list(count(x))
    items[0].backward("a", retain_graph=True)
    items[1].backward("b")
    assert str(sum_feedback([x]).user_feedback).count("a") >= 1
    with pytest.raises(BackwardError, match="count"):
        items[2].backward("c")


def test_zero_feedback_and_another_run():
    x = node(3, trainable=True)
    for said in ("first", "second"):
        x.zero_feedback()
        total = sum(count(x))
        total.backward(said)
        assert sum_feedback([x]).user_feedback == said


def test_an_argument_that_the_body_changes_in_place_is_recorded_as_it_was():
    @bundle()
    def take(items):
        while items:
            yield items.pop()

    x = node([1, 2, 3])
    assert data(take(x)) == [3, 2, 1]
    assert (x.data, x.recorded) == ([], [1, 2, 3])


def test_parameters_read_by_a_stream_get_their_feedback_once():
    p = ParameterNode("p", name="prompt")

    @bundle(allow_external_dependencies=True)
    def ask(questions):
        for q in questions:
            yield f"{p.data} {q}"

    answers = ask(["a", "b", "c"])
    joined = bundle("[joined]")(lambda *a: " ".join(a))(*answers)
    assert joined.data == "p a p b p c"
    joined.backward("too long")
    assert len(p.feedback) == 3
    assert sum_feedback([p]).user_feedback == "too long"
