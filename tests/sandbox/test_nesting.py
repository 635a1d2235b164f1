"""Foreign code that calls foreign code through the host."""

from __future__ import annotations

import time

import pytest

from opto.errors import ExecutionError, SandboxError
from opto.sandbox import Policy
from opto.sandbox.nesting import DEEPEST, nested
from opto.trace import Module, bundle
from opto.trace.written import steps


class Counting(Module):
    @bundle(trainable=True)
    def down(self, n):
        return self.again(n)

    @bundle()
    def again(self, n):
        return self.down(n)


def counting(text):
    made = Counting()
    with steps(made.parameters()):
        made.down.parameter._set(text)
    return made


def test_code_may_call_itself_through_the_host():
    made = counting("def down(self, n):\n    return self.again(n - 1).data + [n] if n else []")
    assert made.down(3).data == [1, 2, 3]


def test_without_end_it_is_stopped_soon():
    made = counting("def down(self, n):\n    return self.again(n + 1)")
    start = time.monotonic()
    with pytest.raises(ExecutionError) as raised:
        made.down(1)
    assert time.monotonic() - start < 30
    failed = raised.value.exception_node
    assert "failed in the host" in failed.data
    assert failed.info["sandbox"] in {"process", "isolated"}


def test_calls_within_have_the_time_of_the_call_around_them():
    with nested(Policy(total=10)) as outer:
        assert outer.total == 10
        with nested(Policy(total=60)) as inner:
            assert 9 < inner.total <= 10
        with nested(Policy(total=1)) as inner:
            assert inner.total == 1
    with nested(Policy(total=60)) as outer:
        assert outer.total == 60


def test_a_call_without_time_is_refused():
    with nested(Policy(total=0.01)):
        time.sleep(0.02)
        with pytest.raises(SandboxError, match="used up"):
            nested(Policy()).__enter__()


def test_too_many_are_refused():
    def enter(depth):
        with nested(Policy()):
            return depth if depth == DEEPEST else enter(depth + 1)

    assert enter(1) == DEEPEST
    with pytest.raises(SandboxError, match="without end"):
        enter(0)
