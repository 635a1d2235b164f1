"""What goes to a child: the task as bytes, its chance, and the modules that it needs."""

from __future__ import annotations

import numpy as np
import pytest

from opto.sandbox.engine import CPython
from opto.sandbox.policy import Policy
from opto.sandbox.sending import CALLS, Sender, with_numpy
from opto.sandbox.task import Names, SelfView, Task

POLICY = Policy(level="process")


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        (Task("def f(x): pass", "f", (1, [2], {"a": 3})), False),
        (Task("import numpy", "f"), True),
        (Task("def f(x): pass", "f", ([1, np.float32(2)],)), True),
        (Task("def f(x): pass", "f", kwargs={"x": {"a": np.zeros(3)}}), True),
        (Task("def f(): pass", "f", names=Names(modules={"np": "numpy"})), True),
        (Task("def f(): pass", "f", names=Names(sources={"g": "import numpy.random"})), True),
        (Task("def f(): pass", "f", names=Names(values={"v": np.int64(3)})), True),
    ],
)
def test_numpy_is_preloaded_where_it_is_needed(task, needed):
    assert with_numpy(task, Policy(preload=["json"])) == ("json", "numpy")[: 1 + needed]


def test_what_is_preloaded_is_not_preloaded_twice():
    assert with_numpy(Task("import numpy", "f"), Policy(preload=["numpy"])) == ("numpy",)


def test_equal_calls_begin_elsewhere_and_are_counted_within_bounds():
    sender = Sender()
    one, two = (sender.sent(Task("def f(): pass", "f"), POLICY).frames for _ in range(2))
    assert one != two
    assert Sender().sent(Task("def f(): pass", "f"), POLICY).frames == one
    for n in range(CALLS + 10):
        sender.sent(Task("def f(): pass", "f", (n,)), POLICY)
    assert len(sender._made) == CALLS


def test_methods_are_granted_under_names_that_no_code_can_write():
    names = Names(self_view=SelfView(host={"ask": len}), host={"ask": abs})
    sent = Sender().sent(Task("", "f", names=names), Policy(host={"ask": max, "more": min}))
    assert sent.granted == {"self.ask": len, "ask": abs, "more": min}


CHANCE = "import random\ndef f(x): return random.random()"


@pytest.mark.parametrize(
    "text",
    [
        CHANCE,
        CHANCE.replace("random()", "rand()").replace("import random", "from numpy import random"),
    ],
)
def test_chance_repeats_from_run_to_run_and_differs_from_call_to_call(text):
    def drawn(seed):
        engine = CPython()
        try:
            policy = Policy(level="process", seed=seed)
            return [engine.call(Task(text, "f", (x,)), policy).value for x in (1, 1, 2)]
        finally:
            engine.stop()

    first = drawn(0)
    assert len(set(first)) == 3
    assert drawn(0) == first
    assert not set(drawn(1)) & set(first)
