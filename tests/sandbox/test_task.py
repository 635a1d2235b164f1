"""Tasks are frozen data with as few words as a plain function needs."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from opto.sandbox.task import Names, SelfView, Task


def test_a_plain_function_needs_only_its_text_and_name():
    task = Task("def f(x): return x", "f", (1,))
    assert (task.args, task.kwargs, task.names, task.flags) == ((1,), {}, Names(), 0)
    assert task.label == "<candidate>"


@pytest.mark.parametrize("frozen", [Task("", "f"), Names(), SelfView()])
def test_nothing_of_a_task_can_be_replaced(frozen):
    name = frozen.__slots__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(frozen, name, None)
