"""Sending feedback back (SPEC 2.8, 6.2, 6.3, A4, A16 to A19; performance.md 4)."""

from __future__ import annotations

import copy

import pytest

from opto.errors import BackwardError, OptoError
from opto.trace import Node, bundle, node
from opto.trace.propagators import GraphPropagator, TraceGraph
from opto.trace.utils import sum_feedback


def names(*nodes: Node) -> list[str]:
    """The names in what reached `nodes`, in its order."""
    return [n.name for _, n in sum_feedback(nodes).graph]


def words(*nodes: Node):
    return sum_feedback(nodes).user_feedback


@pytest.fixture
def p() -> Node:
    return node(3, name="p", trainable=True)


def test_a_parameter_gets_the_feedback_and_the_path(p):
    y = p + 1
    y.backward("larger")
    assert list(p.feedback) == [y]
    (got,) = p.feedback[y]
    assert isinstance(got, TraceGraph)
    assert got.user_feedback == "larger"
    assert [(level, n.name) for level, n in got.graph] == [(0, "p:0"), (0, "int:0"), (1, "add:0")]
    assert not y.feedback


def test_the_default_feedback_is_empty_text(p):
    (p + 1).backward()
    assert words(p) == ""


@pytest.mark.parametrize("feedback", ["text", 0, 3.5, {"a": 1}, ["x"], object()])
def test_feedback_may_be_any_object(p, feedback):
    (p + 1).backward(feedback)
    assert words(p) == feedback


@pytest.mark.parametrize("trainable", [True, False])
def test_no_feedback_is_refused(trainable: bool):
    x = node(1, trainable=trainable)
    for output in (x, x + 1):
        with pytest.raises(OptoError) as caught:
            output.backward(None)
        assert isinstance(caught.value, (ValueError, AttributeError))
        assert "feedback" in str(caught.value)
    assert not x.feedback


def test_feedback_on_a_parameter_itself_stays_there(p):
    p.backward("shorter")
    graph = sum_feedback([p])
    assert (graph.user_feedback, [n.name for _, n in graph.graph]) == ("shorter", ["p:0"])
    assert GraphPropagator().aggregate(p.feedback).user_feedback == "shorter"


def test_zero_feedback_forgets(p):
    (p + 1).backward("a")
    p.zero_feedback()
    assert not p.feedback
    assert len(sum_feedback([p])) == 0
    (p + 1).backward("b")
    assert words(p) == "b"


def test_a_plain_root_gets_feedback_too():
    x = node(1)
    (x + 2).backward("note")
    assert words(x) == "note"


def test_only_what_lies_on_the_way_reaches_a_parameter(p):
    q = node(2, name="q", trainable=True)
    side = node(5, name="deep") + node(6, name="other")
    mid = p * side
    unused = p - 1
    out = mid + (q + 1)
    out.backward("f")
    assert names(p) == ["p:0", "add:0", "add:1", "multiply:0", "add:2"]
    assert unused.name not in names(p)
    assert set(names(q)) == {"q:0", "int:1", "add:1", "multiply:0", "add:2"}
    assert set(names(p, q)) == set(names(p)) | set(names(q))
    assert "deep:0" not in names(p, q)  # a parent of a blanket node is not shown


def test_the_order_is_by_level_and_then_by_creation(p):
    late = node(9, name="late")
    a = p + late
    b = p * a
    early = node(1, name="early")
    out = b - early
    out.backward("f")
    assert names(p) == ["p:0", "late:0", "early:0", "add:0", "multiply:0", "subtract:0"]


def test_a04_same_parent_twice(p):
    y = p * p
    y.backward("square")
    assert names(p) == ["p:0", "multiply:0"]
    p.zero_feedback()
    h = p + 1
    z = h * h
    for _ in range(40):
        z = z + z
    z.backward("again")
    assert words(p) == "again"
    assert len(names(p)) == 44


def test_equal_values_are_not_taken_for_one_another():
    p, q = node(1, name="p", trainable=True), node(1, name="q", trainable=True)
    same = [p + 0, q + 0]
    (same[0] * same[1]).backward("f")
    assert set(names(p)) >= {"p:0", "add:0", "add:1", "multiply:0"}
    assert "q:0" not in names(p)


# --- again ----------------------------------------------------------------------------------------


def test_a_second_backward_is_refused_before_anything_is_delivered(p):
    y = p + 1
    y.backward("first")
    p.zero_feedback()
    with pytest.raises(BackwardError, match="retain_graph") as caught:
        y.backward("second")
    assert isinstance(caught.value, AttributeError)
    assert not p.feedback


def test_a_second_backward_with_a_retained_graph(p):
    y = (p + 1) * 2
    y.backward("same", retain_graph=True)
    y.backward("same", retain_graph=True)
    assert words(p) == "same"
    assert names(p).count("p:0") == 1
    p.zero_feedback()
    y.backward("third")
    assert words(p) == "third"


def test_two_remarks_on_one_output_are_both_heard(p):
    y = p + 1
    y.backward("too small", retain_graph=True)
    y.backward("too slow", retain_graph=True)
    assert "too small" in str(words(p))
    assert "too slow" in str(words(p))


def test_a17_a_sibling_is_refused_and_not_severed(p):
    h = p + 1
    a, b = h * 2, h * 3
    a.backward("on a")
    q = node(1, trainable=True)
    both = b + q
    p.zero_feedback()
    with pytest.raises(BackwardError):
        both.backward("on both")
    assert not q.feedback
    assert not p.feedback
    assert b.parents[0] is h
    assert {c.name for c in h.children} == {a.name, b.name}


def test_a17_siblings_with_a_retained_graph_add_up(p):
    h = p + 1
    a, b = h * 2, h * 3
    a.backward("on a", retain_graph=True)
    b.backward("on b")
    graph = sum_feedback([p])
    assert {n.name for _, n in graph.graph} >= {h.name, a.name, b.name}
    text = str(graph.user_feedback)
    for part in ("on a", "on b", a.py_name, b.py_name):
        assert part in text


@pytest.mark.parametrize("feedback", ["louder", 3, {"score": 1}, ["a", "b"]])
def test_equal_feedback_on_several_outputs_stays_itself(p, feedback):
    outputs = [p + i for i in range(3)]
    for output in outputs:
        output.backward(copy.copy(feedback))
    assert words(p) == feedback
    assert {o.name for o in outputs} <= set(names(p))


def test_feedback_that_does_not_compare_to_a_bool_adds_up(p):
    numpy = pytest.importorskip("numpy")
    for output in (p + 1, p * 2):
        output.backward(numpy.ones(2))
    assert "[1. 1.]" in str(words(p))


def test_different_feedback_on_several_outputs_adds_up(p):
    a, b = p + 1, p * 2
    a.backward("up")
    b.backward("down")
    text = str(words(p))
    assert text.index("up") >= 0
    assert text.index("down") >= 0
    assert a.py_name in text
    assert b.py_name in text
    assert GraphPropagator().aggregate(p.feedback).feedback.remarks[0].content in {"up", "down"}


def test_several_parameters_with_different_outputs_add_up():
    p, q = node(1, name="p", trainable=True), node(1, name="q", trainable=True)
    (p + 1).backward("on p")
    (q + 1).backward("on q")
    graph = sum_feedback([p, q])
    assert {"p:0", "q:0"} <= {n.name for _, n in graph.graph}
    assert "on p" in str(graph.user_feedback)
    assert "on q" in str(graph.user_feedback)


def test_a18_values_that_do_not_compare_to_a_bool(p):
    numpy = pytest.importorskip("numpy")
    x = node(numpy.ones(3), name="x", trainable=True)
    h = x * p
    outputs = [h + i for i in range(3)]
    outputs.append(h * h)
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    total.backward("f")
    assert words(x) == words(p) == "f"
    assert len(set(names(x))) == len(names(x))


def test_a19_many_equal_values_on_one_level(p):
    class Odd:
        """A value that must not be compared."""

        def __eq__(self, other):
            raise RuntimeError

        __hash__ = None

        def __lt__(self, other):
            raise RuntimeError

    wrap = bundle()(lambda v, i: Odd())
    join = bundle()(lambda *odds: 1)
    join(*[wrap(p, i) for i in range(10)]).backward("f")
    assert words(p) == "f"
    assert len(names(p)) == 22


def test_backward_from_a_later_program_does_not_disturb_an_earlier_one(p):
    first = p + 1
    second = p + 2
    second.backward("on second")
    first.backward("on second")
    assert words(p) == "on second"


def test_a_result_without_parameters_can_be_sent_back():
    assert (node(1) + 2).backward("f") is None


def test_a_node_copied_out_of_the_program_starts_anew(p):
    y = p + 1
    cut = y.detach() * 2
    cut.backward("f")
    assert not p.feedback
    y.backward("g")
    assert words(p) == "g"


# --- the sum of what was said ---------------------------------------------------------------------


def test_trace_graph_is_a_sorted_list_that_adds_up(p):
    y = p + 1
    empty = TraceGraph.empty()
    one = TraceGraph(graph=[(0, p)], user_feedback=None)
    two = TraceGraph(graph=[(1, y)], user_feedback="f")
    total = two + one + one
    assert [(level, n.name) for level, n in total] == [(0, "p:0"), (1, "add:0")]
    assert (len(total), total.user_feedback) == (2, "f")
    assert len(empty + empty) == 0
    assert (empty + two).user_feedback == "f"
    assert sum([one, two]).user_feedback == "f"


def test_sum_of_nothing_is_empty():
    assert len(sum_feedback([])) == 0
    assert len(GraphPropagator().aggregate({})) == 0
    assert GraphPropagator().aggregate({}).user_feedback is None
