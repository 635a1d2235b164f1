"""The kit holds what keeps the contract, and tells what breaks it."""

from __future__ import annotations

import json

import pytest

from opto.llm import DummyLLM
from opto.optimizers import Optimizer, OptoPrime
from opto.testing import OptimizerContract
from opto.trace.graph import ancestors
from opto.trace.nodes import ParameterNode


class Halving(Optimizer):
    def _step(self):
        return {p: p.data / 2 for p in self.parameters if p.feedback}


class TestHalving(OptimizerContract):
    def make(self, parameters):
        return Halving(parameters)


class TestOptoPrime(OptimizerContract):
    def make(self, parameters):
        def answer(messages, **_):
            values = {p.py_name: p.data - 1 for p in parameters}
            return json.dumps({"reasoning": "", "suggestion": values})

        return OptoPrime(parameters, llm=DummyLLM(answer))


class Idle(Halving):
    def _step(self):
        return {}


class Greedy(Halving):
    """Changes what is not its own."""

    def _step(self):
        everybody = ancestors(self.trace_graph.nodes[-1])
        return {p: p.data / 2 for p in everybody if isinstance(p, ParameterNode)}


class Forgetful(Halving):
    def zero_feedback(self):
        pass


class Silent(Halving):
    def step(self, *args, **kwargs):
        super().step(*args, **kwargs)


class Rash(Halving):
    def step(self, *args, bypassing=False, **kwargs):
        return super().step(*args, **kwargs)


class Selfish(Halving):
    def _shared(self):
        return []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Idle, "changed nothing"),
        (Greedy, "of somebody else was changed"),
        (Forgetful, "left feedback behind"),
        (Silent, "is no Update"),
        (Rash, "bypassing=True"),
        (Selfish, "parameters of its own"),
    ],
)
def test_what_breaks_the_contract_is_told(kind, why):
    class Contract(OptimizerContract):
        def make(self, parameters):
            return kind(parameters)

    with pytest.raises(Exception, match=why):
        Contract().check_all()


def test_a_contract_needs_an_optimizer():
    with pytest.raises(NotImplementedError, match="make"):
        OptimizerContract().check_all()
