"""What the result of a module's call remembers of it."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest

from opto.errors import ExecutionError
from opto.trace import Module, bundle, model, node
from opto.trace.graph import Graph
from opto.trace.within import NO_NODE, Call


class Adder(Module):
    """Adds,
    twice."""

    def forward(self, x, y=1, *more, z=0):
        return x + y + z


class Outer(Module):
    def __init__(self):
        self.inner = Adder()

    def forward(self, x):
        """Leaves it to another."""
        return self.inner(x)


def calls_of(result):
    return result._extras.calls


def test_a_result_knows_the_call_and_its_arguments():
    x, y, z = node(1), node(2), node(3)
    (call,) = calls_of(Adder()(x, y, 4, z=z))
    assert call.name == "Adder.forward"
    assert call.documentation == "Adds, twice."
    assert call.positions == (x._serial, y._serial, NO_NODE)
    assert call.given == {x._serial: "x", y._serial: "y", z._serial: "z"}


def test_what_was_made_in_the_call_has_a_later_number_than_its_beginning():
    x = node(1)
    result = Adder()(x)
    (call,) = calls_of(result)
    assert x._serial < call.opened < result.parents[0]._serial < result._serial


def test_calls_within_calls_are_known_the_innermost_first():
    inner, outer = calls_of(Outer()(node(1)))
    assert [inner.name, outer.name] == ["Adder.forward", "Outer.forward"]
    assert outer.opened < inner.opened
    assert outer.documentation == "Leaves it to another."


@pytest.mark.parametrize("pack", [tuple, list, lambda nodes: dict(enumerate(nodes))])
def test_each_of_several_results_knows_it(pack):
    class Several(Module):
        def forward(self, x):
            return pack([x, x + 1, x + 2])

    out = Several()(node(1))
    x, one, two = out.values() if isinstance(out, dict) else out
    assert calls_of(x) == ()
    assert calls_of(one) == calls_of(two) != ()


def test_data_of_any_size_is_not_searched():
    class Rows(Module):
        def forward(self, x):
            return [x + 1] * 1000

    assert calls_of(Rows()(node(1))[0]) == ()


def test_what_is_no_result_of_the_call_knows_nothing():
    class Given(Module):
        def forward(self, x):
            return x

    class Fresh(Module):
        def forward(self):
            return node(1)

    x = node(1) + 1
    assert calls_of(Given()(x)) == calls_of(Fresh()()) == ()
    assert Given()(3) == 3


def test_what_failed_has_no_result():
    @bundle(catch_execution_error=True)
    def fails(x):
        raise ValueError("no")

    class Failing(Module):
        def forward(self, x):
            return fails(x)

    with pytest.raises(ExecutionError) as caught:
        Failing()(node(1))
    assert calls_of(caught.value.exception_node) == ()


def test_bundled_functions_are_modules_that_are_steps_already():
    @bundle()
    def double(x):
        return 2 * x

    assert calls_of(double(node(1))) == ()


def test_a_model_has_the_name_and_words_of_its_class():
    @model
    class Greeter:
        """Greets."""

        def forward(self, who):
            return who + "!"

    (call,) = calls_of(Greeter()(node("you")))
    assert (call.name, call.documentation) == ("Greeter.forward", "Greets.")


def test_a_class_without_words_does_not_speak_with_those_of_its_base():
    class Plain(Adder):
        pass

    class Bare(Module):
        forward = len

    (call,) = calls_of(Plain()(node(1)))
    assert call.documentation == ""
    assert Call(Bare, 1, (5,)).given == {5: "args_0"}


def test_nothing_is_kept_alive():
    adder, x, y = Adder(), node(1), node(2)
    result = adder(x, y)
    result._args = ()
    found = [weakref.ref(thing) for thing in (adder, x, y)]
    del adder, x, y
    gc.collect()
    assert [ref() for ref in found] == [None] * 3
    assert calls_of(result)


def test_copies_and_pickles_are_no_results():
    result = Adder()(node(1))
    assert calls_of(copy.deepcopy(result)) == ()
    assert calls_of(pickle.loads(pickle.dumps(result))) == ()  # noqa: S301 - written right here


def test_a_graph_tells_of_calls_where_there_are_some():
    result = Adder()(node(1, name="x"))
    graph = Graph.of(result)
    (at,) = graph.calls.ended
    assert graph.steps[at].name == result.py_name
    assert graph.calls.made[at] == result._serial
    assert Graph.of(node(1) + 1).calls is None
    sent = pickle.loads(pickle.dumps(graph))  # noqa: S301 - written right here
    for other in (sent, Graph.from_json(graph.to_json())):
        assert other == graph
        assert other.calls is None
