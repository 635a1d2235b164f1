"""What the body of a stream uses, and is sent."""

from __future__ import annotations

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Node, bundle, node, operators
from opto.trace.order import ancestors
from opto.trace.utils import sum_feedback
from tests.support.streams import count, data, echo

# --- what the body uses ---------------------------------------------------------------------------


def test_a_body_that_reads_what_it_was_not_given_is_refused():
    hidden = node("h", name="hidden", trainable=True)
    ended = []

    @bundle()
    def peek(x):
        try:
            yield x
            yield hidden.data
        finally:
            ended.append(x)

    stream = peek(1)
    assert next(stream).data == 1
    with pytest.raises(TraceMissingInputsError, match=r"peek used the value of hidden"):
        next(stream)
    assert ended == [1]
    with pytest.raises(StopIteration):
        next(stream)
    raw = peek(1).data
    next(raw)
    with pytest.raises(TraceMissingInputsError, match="hidden"):
        next(raw)
    assert ended == [1, 1]
    assert hidden.data == "h"


@pytest.mark.parametrize(
    "read",
    [
        lambda n: n.data,
        lambda n: n == 2,
        str,
        bool,
        len,
        lambda n: 1 in n,
        list,
        lambda n: (n + n).data,
    ],
)
def test_every_way_of_reading_is_credited_from_then_on(read):
    hidden = node([1, 2], trainable=True)

    @bundle(allow_external_dependencies=True)
    def peek(x):
        yield 0
        read(hidden)
        yield 1
        yield 2

    first, second, third = peek(1)
    assert first.parameter_dependencies == set()
    assert second.parameter_dependencies == third.parameter_dependencies == {hidden}
    third.backward("note")
    assert sum_feedback([hidden]).user_feedback == "note"


def test_a_node_that_lies_in_an_argument_is_credited():
    a, b = node(1, trainable=True), node(2, trainable=True)
    box = Node([a, b])

    @bundle()
    def each(nodes):
        for n in nodes:
            yield n.data * 10

    first, second = each(box)
    assert (first.data, first.parameter_dependencies) == (10, {a})
    assert (second.data, second.parameter_dependencies) == (20, {a, b})


def test_a_node_that_is_yielded_is_credited_to_its_item_alone():
    w = node(5, trainable=True)

    @bundle()
    def give(x):
        yield x + w
        yield x

    x = node(1, trainable=True)
    first, second = give(x)
    assert (first.data, first.parameter_dependencies) == (6, {x, w})
    assert type(first.data) is int
    assert (second.data, second.parameter_dependencies) == (1, {x})


def test_what_the_body_made_earlier_counts_as_what_it_was_made_of():
    w = node(5, trainable=True)

    @bundle(_process_inputs=False)
    def f(x):
        made = x * 2
        constant = node(7)
        yield made
        yield made.data + constant.data

    @bundle(_process_inputs=False)
    def g(x):
        made = x * w
        yield 0
        yield made.data

    x = node(3, trainable=True)
    stream = f(x)
    first = next(stream)
    total = first + 1  # nodes made outside, between two steps of the body
    second = next(stream)
    assert (first.data, second.data, total.data) == (6, 13, 7)
    assert second.inputs == {"stream": stream}
    with pytest.raises(TraceMissingInputsError, match=w.name):
        list(g(x))


def test_a_node_made_outside_between_two_items_was_not_made_by_the_body():
    shared = {}

    @bundle(allow_external_dependencies=True)
    def f(x):
        yield 1
        yield shared["n"].data

    @bundle()
    def strict(x):
        yield 1
        yield shared["n"].data

    stream = f(0)
    next(stream)
    shared["n"] = node(4, name="late")
    second = next(stream)
    assert (second.data, second.parents) == (4, [stream, shared["n"]])
    stream = strict(0)
    next(stream)
    shared["n"] = node(4, name="late")
    with pytest.raises(TraceMissingInputsError, match="late"):
        next(stream)


def test_two_streams_in_turns_keep_their_reads_apart():
    left, right = node("l", trainable=True), node("r", trainable=True)

    @bundle(allow_external_dependencies=True)
    def read(which):
        for _ in range(4):
            yield {"left": left, "right": right}[which].data

    for a, b in zip(read("left"), read("right"), strict=True):
        assert (a.data, a.parameter_dependencies) == ("l", {left})
        assert (b.data, b.parameter_dependencies) == ("r", {right})


def test_the_consumer_is_not_charged_with_the_reads_of_the_body():
    hidden = node(2, trainable=True)

    @bundle(allow_external_dependencies=True)
    def source(n):
        for i in range(n):
            yield i + hidden.data

    @bundle()
    def total(values):
        return sum(values)

    y = total(source(3))
    assert (y.data, y.parameter_dependencies) == (9, {hidden})
    assert [n.op_name.rpartition(".")[2] for n in y.parents] == ["source"]
    assert hidden in y.parents[0].parents
    assert y.parents[0].info["external_dependencies"] == [hidden]
    y.backward("less")
    assert sum_feedback([hidden]).user_feedback == "less"


def test_the_body_is_not_charged_with_the_reads_of_the_consumer():
    x, other = node(2, trainable=True), node(5, trainable=True)

    @bundle(_process_inputs=False)
    def consumer(stream, y):
        return sum(item.data * y.data for item in stream)

    y = consumer(count(x), other)
    assert (y.data, y.parameter_dependencies) == (5, {x, other})
    with pytest.raises(TraceMissingInputsError, match="consumer"):
        bundle("[consumer]")(lambda v: [other.data for _ in count(v)])(x)


@pytest.mark.parametrize("convert", [operators.to_list, operators.to_tuple, operators.to_set])
def test_operators_that_take_a_stream_whole_credit_what_its_body_used(convert):
    hidden = node(2, trainable=True)

    @bundle(allow_external_dependencies=True)
    def source(n):
        for i in range(n):
            yield i + hidden.data

    y = convert(source(3))
    assert sorted(y.data) == [2, 3, 4]
    assert y.parameter_dependencies == {hidden}


def test_plain_items_that_depend_on_what_is_younger_than_the_stream():
    shared = {}

    @bundle(allow_external_dependencies=True)
    def source(n):
        yield 0
        yield shared["n"].data

    stream = source(1)
    shared["n"] = node(3, name="younger", trainable=True)
    y = bundle(allow_external_dependencies=True)(list)(stream)
    assert (y.data, y.parameter_dependencies) == ([0, 3], {shared["n"]})
    stream = source(1)
    shared["n"] = node(3, name="younger", trainable=True)
    y = bundle()(list)(stream)
    assert (y.data, y.parameter_dependencies) == ([0, 3], {shared["n"]})
    stream = source(1)
    shared["n"] = node(3, name="younger", trainable=True)
    with pytest.raises(TraceMissingInputsError, match="younger"):
        operators.to_list(stream)


def test_plain_items_after_items_that_were_nodes():
    shown = [node(i, trainable=True) for i in range(30)]

    @bundle(allow_external_dependencies=True)
    def each(n):
        for one in shown:
            yield one.data

    stream = each(1)
    first = [next(stream) for _ in range(20)]
    assert first[-1].parameter_dependencies == {*shown[:20]}
    y = bundle()(list)(stream)
    assert (y.data, y.parameter_dependencies) == ([*range(20, 30)], {*shown})
    assert stream.parameter_dependencies == {*shown}


def test_a_failure_of_a_plain_item_knows_what_the_body_had_used():
    hidden, x = node(1, trainable=True), node(2, trainable=True)

    @bundle(allow_external_dependencies=True)
    def broken(n):
        yield n
        raise ValueError(hidden.data)

    with pytest.raises(ExecutionError) as caught:
        bundle()(list)(broken(x))
    assert caught.value.exception_node.parameter_dependencies == {x, hidden}


def test_a_stream_that_is_passed_on_often_remembers_only_what_lives():
    stream = count(1)
    same = bundle()(lambda v, w: (len(w), v)[1])
    for _ in range(100):
        last = same(stream, node([1]))
    assert data(last) == [0]
    assert len(stream.data.watch.nodes) <= 3


def test_drawing_from_a_stream_that_was_not_given_is_refused():
    x = node(3, trainable=True)
    stream = count(x)

    @bundle()
    def drain(v):
        for _ in stream:
            v += 1
        return v

    with pytest.raises(TraceMissingInputsError, match="count"):
        drain(0)
    stream = count(x)
    y = bundle(allow_external_dependencies=True)(lambda v: sum(1 for _ in stream) + v)(0)
    assert (y.data, y.parameter_dependencies) == (3, {x})


def test_many_nodes_used_one_after_another_stay_linear():
    shown = [node(i, trainable=True) for i in range(100)]

    @bundle()
    def each(nodes):
        for n in nodes:
            yield n.data

    *_, last = each(Node(shown))
    assert last.parameter_dependencies == set(shown)
    assert max(len(n._args) for n in ancestors(last)) <= 10
    assert "earlier" in {n.op_name for n in ancestors(last)}


# --- sending --------------------------------------------------------------------------------------


def test_what_is_sent_is_an_input_of_the_next_item_and_of_all_later_ones():
    x, y = node("a", trainable=True), node("b", trainable=True)
    stream = echo(x)
    first = next(stream)
    second = stream.send(y)
    assert (first.data, second.data) == ("a", "b")
    assert second.parents == [stream, y]
    third = stream.send("c")
    assert (third.data, third.parameter_dependencies) == ("c", {x, y})
    with pytest.raises(StopIteration) as ended:
        stream.send("stop")
    assert ended.value.value.data == "stopped"
    assert ended.value.value.parameter_dependencies == {x, y}


def test_a_running_mean_that_is_sent_nodes():
    @bundle()
    def mean(start):
        total, n = 0, 0
        value = start
        while True:
            total, n = total + value, n + 1
            value = yield total / n

    w = node(2, trainable=True)
    means = mean(0)
    next(means)
    for i in range(50):
        last = means.send(w * i)
    assert last.data == 2 * sum(range(50)) / 51
    assert last.parameter_dependencies == {w}
    last.backward("lower")
    assert sum_feedback([w]).user_feedback == "lower"


def test_a_container_of_nodes_is_sent_as_values_and_credited():
    a = node(1, trainable=True)
    stream = echo(0)
    next(stream)
    item = stream.send([a, 2])
    assert (item.data, item.parameter_dependencies) == ([1, 2], {a})


def test_a_node_sent_to_the_plain_generator_arrives_as_its_value():
    raw = echo(0).data
    next(raw)
    assert raw.send(node(4)) == 4


def test_sending_to_a_body_that_works_on_nodes():
    @bundle(_process_inputs=False)
    def f(x):
        got = yield x
        yield got + 1

    x, y = node(1, trainable=True), node(5, trainable=True)
    stream = f(x)
    next(stream)
    item = stream.send(y)
    assert (item.data, item.parameter_dependencies) == (6, {x, y})


def test_sending_before_the_first_item_is_what_python_says_of_it():
    w = node(2, trainable=True)
    for stream in (echo(1), echo(1).data):
        with pytest.raises(TypeError, match="just-started"):
            stream.send(w)
        first = next(stream)
    assert first == 1
    stream = echo(1)
    with pytest.raises(TypeError, match="just-started"):
        stream.send(w)
    assert next(stream).parameter_dependencies == set()
