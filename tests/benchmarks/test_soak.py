"""The soak's programs are right when they run alone, and it notices what is not."""

from __future__ import annotations

import asyncio
import gc

import pytest

from benchmarks import flows
from benchmarks.soak import GROWTH, Reading, Soak, grown
from opto.trace import GRAPH, node


def test_a_thread_and_a_task_pass_alone():
    shared = flows.Shared()
    flow, other = (flows.Flow(i, shared) for i in range(2))
    for _ in range(3):
        flow.once()
        asyncio.run(other.once_async())
        flow.vote()
        shared.take_tally()
        shared.rewrite()
        shared.zero()
    assert (flow.passes, other.passes, shared.newest) == (3, 3, 3)


def test_a_pass_leaves_no_node():
    shared = flows.Shared()
    flow = flows.Flow(5, shared)
    before = len(GRAPH)
    flow.once()
    shared.zero()
    gc.collect()  # an instance and what its methods are bound to hold each other
    assert len(GRAPH) == before


def test_a_wrong_value_a_strange_parameter_and_a_lost_vote_are_noticed(monkeypatch):
    shared = flows.Shared()
    flow = flows.Flow(1, shared)
    with monkeypatch.context() as patch:
        patch.setattr(flows, "combined", lambda a, b: a + b + 1)
        with pytest.raises(flows.WrongError, match="a sum"):
            flow.once()
    stranger = node(0, trainable=True)
    with monkeypatch.context() as patch:
        patch.setattr(flows, "combined", lambda a, b: a + b + stranger)
        with pytest.raises(flows.WrongError, match="its parameters"):
            flow.once()
    flow.vote()
    shared.tally.zero_feedback()
    with pytest.raises(flows.WrongError, match="votes heard"):
        shared.take_tally()


def test_code_of_an_older_version_is_noticed():
    shared = flows.Shared()
    shared.rewrite()
    shared.settled = shared.newest = 2
    with pytest.raises(flows.WrongError, match="version 1 of the code ran, which was 2 or later"):
        flows.Flow(0, shared).once()


def test_a_flow_that_fails_ends_the_soak():
    soak = Soak()

    def fails():
        raise flows.WrongError("here")

    soak._until_over(fails)
    assert soak.over.is_set()
    assert "WrongError: here" in soak.wrong[0]


def readings(*megabytes):
    return [Reading(10.0 * (i + 1), m, 0, 0) for i, m in enumerate(megabytes)]


def test_growth_counts_from_when_the_program_is_warm():
    assert grown(readings(10, 20, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30)) == 1
    assert grown(readings(*range(30, 60))) > GROWTH


def test_half_of_a_short_run_is_for_warming_up():
    assert grown(readings(10, 30, 60, 60)) == 2
    assert grown(readings(30, 60, 60, 60, 60)) == 1
