"""What optimizers write is known as theirs, however they write it."""

from __future__ import annotations

import asyncio
import inspect
import os

import pytest

from opto.llm import ScriptedLLM
from opto.optimizers import OptoPrime
from opto.optimizers.marking import as_step
from opto.optimizers.optimizer import AbstractOptimizer, Optimizer
from opto.optimizers.proposal import Update
from opto.trace import bundle

NEW = "import os\ndef f(x):\n    return os.getpid()"


@pytest.fixture
def f():
    @bundle(trainable=True)
    def f(x):
        return x

    return f


class Direct(AbstractOptimizer):
    """Sets the value itself, past everything, and runs the program in its step."""

    def step(self, program=None):
        """Set it."""
        self.parameters[0]._data = NEW
        return None if program is None else program()

    def zero_feedback(self):
        pass


class Classic(Optimizer):
    def _step(self):
        return dict.fromkeys(self.parameters, NEW)


def by_update(f):
    Classic(f.parameters()).update({f.parameter: NEW})


def by_apply(f):
    update = Classic(f.parameters()).step(bypassing=True)
    assert f.parameter.foreign is False
    update.apply()


def by_async(f):
    asyncio.run(Classic(f.parameters()).step_async())


WAYS = [
    lambda f: Direct(f.parameters()).step(),
    lambda f: Classic(f.parameters()).step(),
    by_update,
    by_apply,
    by_async,
]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_an_optimizer_is_known(f, way):
    own = f.parameter.data
    way(f)
    assert (f.parameter.data, f.parameter.foreign) == (NEW, True)
    f.parameter._set(own)
    assert f.parameter.foreign is False


def test_what_is_only_proposed_is_known_wherever_it_goes(f):
    y = f(1)
    optimizer = Classic(f.parameters())
    optimizer.backward(y, "other")
    update = optimizer.step(bypassing=True)
    (blame,) = optimizer.explain(update)
    assert str(os.getpid()) not in str(blame)
    f.parameter._data = update[f.parameter]
    assert f.parameter.foreign is True
    assert f(1).data != os.getpid()


def test_undoing_gives_the_users_text_back_as_the_users(f):
    f.parameter._set("def f(x):\n    return x + 1")
    update = Update.of({f.parameter: NEW})
    update.apply()
    assert f.parameter.foreign is True
    update.undo()
    assert f.parameter.foreign is False


def test_what_a_step_tries_out_is_held_already(f):
    tried = Direct(f.parameters()).step(lambda: f(1).data)
    assert tried != os.getpid()
    assert f(1).info["sandbox"] in {"process", "isolated"}


def test_optoprime_writes_code_that_is_held(f):
    answer = '{"suggestion": {"__code0": "def f(x):\\n    return x + 5"}}'
    optimizer = OptoPrime(f.parameters(), llm=ScriptedLLM([answer]))
    own = f(1)
    optimizer.backward(own, "make it 6")
    optimizer.step()
    result = f(1)
    assert ("sandbox" in own.info, result.data, "sandbox" in result.info) == (False, 6, True)


def test_a_step_keeps_its_face_and_its_kind():
    assert str(inspect.signature(Direct.step)) == "(self, program=None)"
    assert Direct.step.__doc__ == "Set it."
    assert inspect.iscoroutinefunction(Optimizer.step_async)
    assert inspect.isabstract(AbstractOptimizer)


def test_a_step_that_is_given_to_something_without_parameters_runs(f):
    assert as_step(lambda self, n: n + 1)(object(), 2) == 3
