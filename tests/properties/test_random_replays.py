"""A result replayed with another value is what the program gives that begins with that value."""

from __future__ import annotations

import copy

from hypothesis import assume, given
from hypothesis import strategies as st

from opto.trace import Node
from opto.trace.replaying import replay
from tests.properties.strategies import outcome, plain_values, programs, small
from tests.properties.test_random_programs import run_traced, same_value


def needed_for_last(program):
    """The places of values that the last one was computed from, itself included."""
    first, last = len(program.inputs), len(program.values) - 1
    found = {last}
    for place in range(last, first - 1, -1):
        if place in found:
            found.update(program.steps[place - first].operands)
    return found


def begun_with(program, place, value):
    """What the last step gives in plain Python if one input is another, or what is raised.

    Steps that it does not need are left out: they are not run again, and cannot fail.
    """
    needed, values = needed_for_last(program), dict(enumerate(copy.deepcopy(program.inputs)))
    values[place] = value
    for n, step in enumerate(program.steps, len(program.inputs)):
        if n in needed:
            values[n], error = outcome(step.operation, [values[i] for i in step.operands])
            if error is not None:
                return None, error
            assume(small(values[n]))
    return values[len(program.values) - 1], None


@given(program=programs(may_fail=False), value=plain_values, data=st.data())
def test_a_replay_is_the_program_begun_with_another_value(program, value, data):
    values = run_traced(program)
    output, needed = values[-1], needed_for_last(program)
    kinds = enumerate(program.kinds)
    places = [i for i, kind in kinds if kind != "raw" and i in needed]
    assume(isinstance(output, Node) and places)
    place = data.draw(st.sampled_from(places))
    before = copy.deepcopy([n.data for n in values if isinstance(n, Node)])
    found = replay(output, {values[place]: value})
    wanted, error = begun_with(program, place, value)
    assert type(found.error) is type(error)
    assert error is not None or same_value(found.value, wanted)
    assert [n.data for n in values if isinstance(n, Node)] == before
