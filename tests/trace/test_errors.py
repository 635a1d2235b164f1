"""Exceptions as outputs of the program (SPEC 3.5, A2, A3)."""

from __future__ import annotations

import asyncio
import json
import pickle
import re

import pytest

from opto.errors import ExecutionError, OptoError, TraceError, TraceMissingInputsError
from opto.trace import bundle, node
from opto.trace import errors as old_address
from opto.trace.nodes import ExceptionNode
from opto.trace.utils import sum_feedback


class Homemade(Exception):
    pass


@bundle()
def fail(v):
    """Fails."""
    v += 1
    raise ValueError(f"bad {v}")


def failure_of(call) -> ExceptionNode:
    with pytest.raises(ExecutionError) as caught:
        call()
    assert isinstance(caught.value.exception_node, ExceptionNode)
    return caught.value.exception_node


def test_a_failure_is_a_node_with_the_inputs_of_the_call():
    x = node(1, name="x", trainable=True)
    failed = failure_of(lambda: fail(x))
    assert failed.name == "exception_fail:0"
    assert failed.data == "(ValueError) bad 2"
    assert failed.parents == [x]
    assert list(failed.inputs) == ["v"]
    assert failed.parameter_dependencies == {x}
    assert failed.info["fun_name"] == "fail"


def test_feedback_flows_through_a_failure():
    x = node(1, trainable=True)
    failed = failure_of(lambda: fail(x + 1))
    failed.backward(failed.create_feedback())
    assert sum_feedback([x]).user_feedback == "(ValueError) bad 3"


def test_text_of_the_error_is_the_traceback():
    with pytest.raises(ExecutionError) as caught:
        fail(1)
    error = caught.value
    assert error.args[0] == "(ValueError) bad 2"
    assert str(error) == "\n\n" + error.exception_node.info["traceback"]
    assert "Traceback (most recent call last)" in str(error)
    assert 'raise ValueError(f"bad {v}")' in str(error)
    assert str(error).rstrip().endswith("ValueError: bad 2")


def test_full_feedback_is_the_annotated_source():
    failed = failure_of(lambda: fail(1))
    text = failed.create_feedback(style="full")
    assert text == failed.info["error_comment"]
    lines = text.splitlines()
    assert lines[0] == "def fail(v):"
    (marked,) = [line for line in lines if "<---" in line]
    assert re.fullmatch(
        r'\s+raise ValueError\(f"bad \{v\}"\) +<--- \(ValueError\) bad 2\.?', marked
    )
    assert text.rstrip().endswith("(ValueError) bad 2")
    assert failed.create_feedback("simple") == failed.create_feedback() == "(ValueError) bad 2"


def helper(v):
    return 1 / v


@bundle()
def calls_a_helper(v):
    return helper(v)


def test_full_feedback_follows_the_call_into_python_functions():
    text = failure_of(lambda: calls_a_helper(0)).create_feedback("full")
    outer, inner = text.index("def calls_a_helper"), text.index("def helper")
    assert outer < inner
    marked = [line for line in text.splitlines() if "<---" in line]
    assert len(marked) == 2
    assert "return helper(v)" in marked[0]
    assert "called function" in marked[0]
    assert "return 1 / v" in marked[1]
    assert "(ZeroDivisionError) division by zero" in marked[1]


def test_full_feedback_ends_where_python_ends():
    f = bundle()(lambda text: json.loads(text))
    failed = failure_of(lambda: f("{"))
    assert "(json.decoder.JSONDecodeError)" in failed.data
    assert failed.create_feedback("full").rstrip().endswith(failed.data)


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError(), "(ValueError) "),
        (AssertionError(), "(AssertionError) "),
        (StopIteration(), "(StopIteration) "),
        (ValueError(1, 2), "(ValueError) (1, 2)"),
        (KeyError("k"), "(KeyError) 'k'"),
        (OSError(2, "gone"), "(FileNotFoundError) [Errno 2] gone"),
        (Homemade("mine"), f"({__name__}.Homemade) mine"),
        (ValueError({"a": 1}), "(ValueError) {'a': 1}"),
    ],
)
def test_a02_any_exception_can_be_raised(raised: Exception, text: str):
    @bundle()
    def f(v):
        raise raised

    failed = failure_of(lambda: f(1))
    assert failed.data.strip() == text.strip()
    assert "raise raised" in failed.create_feedback("full")


def test_a02_an_assertion_without_a_message():
    @bundle()
    def f(v):
        assert v > 10
        return v

    failed = failure_of(lambda: f(1))
    assert failed.data.startswith("(AssertionError)")
    assert "assert v > 10" in failed.create_feedback("full")


def test_an_exception_whose_text_fails():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    @bundle()
    def f(v):
        raise Mute

    assert "Mute" in failure_of(lambda: f(1)).data


def test_a03_a_failure_inside_an_inner_bundle_stays_that_failure():
    @bundle()
    def outer(v):
        return fail(v).data

    x = node(1, trainable=True)
    failed = failure_of(lambda: outer(x))
    assert "bad 2" in failed.data
    assert x in failed.parameter_dependencies
    assert 'raise ValueError(f"bad {v}")' in failed.create_feedback("full")


def test_a03_the_story_of_a_nested_failure_grows_with_its_depth_and_not_faster():
    @bundle()
    def descend(n):
        return descend(n - 1) if n else fail(n)

    def told(depth: int) -> int:
        failed = failure_of(lambda: descend(depth))
        return len(failed.info["traceback"]) + len(failed.create_feedback("full"))

    assert told(8) < 2.6 * told(4)
    assert told(16) < 2.6 * told(8)
    assert told(60) < 100_000


def test_a03_a_failure_may_be_caught_inside():
    @bundle()
    def outer(v):
        try:
            return fail(v).data
        except ExecutionError as error:
            return str(error.args[0])

    assert outer(1).data == "(ValueError) bad 2"


def test_errors_may_pass_unchanged():
    f = bundle(catch_execution_error=False)(lambda v: 1 / v)
    with pytest.raises(ZeroDivisionError):
        f(0)
    assert f(1).data == 1


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes(raised):
    @bundle()
    def f(v):
        raise raised

    with pytest.raises(raised):
        f(1)


def test_an_async_failure():
    @bundle()
    async def f(v):
        await asyncio.sleep(0)
        raise ValueError("late")

    x = node(1, trainable=True)
    failed = failure_of(lambda: asyncio.run(f(x)))
    assert (failed.data, failed.parents) == ("(ValueError) late", [x])


def test_a_cancelled_task_is_cancelled():
    @bundle()
    async def f(v):
        await asyncio.sleep(60)

    async def run():
        task = asyncio.ensure_future(f(1))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_an_error_in_an_expression_has_a_feedback():
    x = node(1, trainable=True)
    failed = failure_of(lambda: x / 0)
    assert failed.data == "(ZeroDivisionError) division by zero"
    assert "division by zero" in failed.create_feedback("full")
    assert "ZeroDivisionError" in failed.info["traceback"]


def test_each_failure_keeps_its_own_story():
    first, second = (failure_of(lambda v=v: fail(v)) for v in (1, 100))
    assert "bad 2" in first.info["traceback"]
    assert "bad 101" in second.info["traceback"]
    assert "bad 101" not in first.info["error_comment"]


def test_a_failed_call_does_not_mark_the_next_one():
    f = bundle()(lambda v: 1 / v)
    failure_of(lambda: f(0))
    good = f(1)
    assert not good.info.get("error_comment")
    assert not good.info.get("traceback")


def test_old_addresses_and_the_tree():
    assert old_address.ExecutionError is ExecutionError
    assert old_address.TraceMissingInputsError is TraceMissingInputsError
    assert issubclass(ExecutionError, TraceError)
    assert issubclass(TraceMissingInputsError, OptoError)


def test_an_error_travels_to_another_process_as_words():
    with pytest.raises(ExecutionError) as caught:
        fail(1)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - what was dumped a moment ago
    assert "bad 2" in str(again)
