"""Hidden parameters of many calls at once are those of each alone (SPEC 2.10)."""

from __future__ import annotations

from opto.trace import bundle, node
from opto.trace.graph import ancestors
from opto.trace.hidden import settle


def test_all_at_once_and_one_by_one_are_the_same():
    def program():
        p, q = node(1, name="p", trainable=True), node(2, name="q", trainable=True)
        made = [q * 2]

        @bundle(traceable_code=True)
        def f(v):
            made.append(made[-1] + v + p)
            return made[-1]

        y = node(0)
        calls = []
        for i in range(6):
            y = f(y + i)
            calls.append(y)
        return calls, p, q

    one, p, q = program()
    alone = [c._hidden for c in one]
    assert alone == [(p, q)] * 6
    many, p, q = program()
    settle(ancestors(many[-1]))
    assert [c._extras.hidden for c in many] == [(p, q)] * 6


def test_what_is_no_call_is_left_alone():
    x = node(1, trainable=True)
    y = x + 1
    settle([x, y])
    assert x._extras.hidden is None
    assert y._extras.hidden is None


def test_parameters_are_told_in_the_order_of_their_making():
    parameters = [node(i, name="p", trainable=True) for i in range(5)]

    @bundle(traceable_code=True)
    def f():
        return sum(parameters[::-1], start=node(0))

    assert f()._hidden == tuple(parameters)
