"""Memory is given back (SPEC B1; performance.md 3)."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import pytest

from opto.errors import ExecutionError
from opto.trace import GRAPH, Module, bundle, node, stop_tracing
from tests.support.builds import frees_code


@pytest.fixture(autouse=True)
def _no_collector():
    """What is freed here is freed at once: nothing waits for the garbage collector."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@bundle()
def join(prompt, text, end="!"):
    return prompt + text + end


@bundle(trainable=True)
def tidy(text):
    return text.strip()


def forward(prompt):
    """A program of eight nodes."""
    text = join(prompt, "x" * 1000)
    parts = tidy(text).upper().split("-")
    return parts[0] + "."


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + 1,
        lambda x: (x + 1) * (x + 2),
        lambda x: bundle()(lambda v: [v])(x),
        lambda x: x.clone(),
        lambda x: x.eq(3),
        lambda x: next(iter(bundle()(lambda v: (v, v))(x))),
    ],
)
def test_b01_a_dropped_result_is_freed_at_once(make):
    x = node(1, trainable=True)
    y = make(x)
    gone = weakref.ref(y)
    assert x.children
    del y
    assert gone() is None
    assert x.children == []


def test_b01_a_result_is_freed_after_backward_and_zero_feedback():
    x = node(1, trainable=True)
    y = (x + 1) * 2
    gone = weakref.ref(y)
    y.backward("f")
    del y
    assert gone() is not None  # the parameter holds what was said until it is told to forget
    x.zero_feedback()
    assert gone() is None


def test_b01_a_result_keeps_its_history():
    x = node(1, trainable=True)
    y = -(x + 1)
    h = weakref.ref(y.parents[0])
    assert h() is not None
    del y
    assert h() is None


def test_b01_the_registry_holds_nothing():
    before = len(GRAPH)
    for i in range(100):
        node(i, name="dropped")
    assert len(GRAPH) == before


def test_b01_a_failure_is_freed_with_its_exception():
    x = node(1, trainable=True)
    gone = None
    try:
        x / 0
    except ExecutionError as error:
        gone = weakref.ref(error.exception_node)
    gc.collect()  # an exception and its traceback are a circle of Python's own
    assert gone() is None


def live_after(iterations: int, step) -> list[int]:
    """How many nodes are alive after each tenth of `iterations` calls of `step`."""
    counts = []
    for i in range(iterations):
        step()
        if i % (iterations // 10) == iterations // 10 - 1:
            counts.append(len(GRAPH))
    return counts


@pytest.mark.parametrize("mode", ["forward", "backward", "untraced", "many outputs"])
def test_b01_live_nodes_stay_flat_over_a_thousand_iterations(mode: str):
    prompt = node("say ", trainable=True)

    def step() -> None:
        if mode == "forward":
            forward(prompt)
        elif mode == "untraced":
            with stop_tracing():
                forward(prompt)
        else:
            outputs = [forward(prompt) for _ in range(3 if mode == "many outputs" else 1)]
            for p in (prompt, tidy.parameter):
                p.zero_feedback()
            for output in outputs:
                output.backward("shorter", retain_graph=True)

    step()
    counts = live_after(1000, step)
    tidy.parameter.zero_feedback()
    assert len(set(counts)) == 1


def test_b01_memory_stays_flat_over_a_thousand_iterations():
    prompt = node("say ", trainable=True)

    def step() -> None:
        output = forward(prompt)
        prompt.zero_feedback()
        tidy.parameter.zero_feedback()
        output.backward("shorter")

    for _ in range(50):
        step()
    tracemalloc.start()
    try:
        step()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1000):
            step()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    tidy.parameter.zero_feedback()
    assert after - before < 100_000  # the original kept 17 MB


@frees_code
def test_b01_new_code_each_iteration_does_not_pile_up():
    @bundle(trainable=True)
    def f(v):
        return v

    def step() -> None:
        step.count += 1
        f.parameter._data = f"def f(v):\n    return v + {step.count}  # {'x' * 1000}"
        assert f(1).data == 1 + step.count

    step.count = 0
    for _ in range(300):
        step()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1000):
            step()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 600_000


def test_an_instance_with_bundled_methods_is_freed():
    class Agent(Module):
        @bundle(trainable=True)
        def act(self, v):
            return v

    agent = Agent()
    agent.act(1)
    gone = weakref.ref(agent)
    del agent
    gc.collect()  # an instance and what is bound to it hold each other
    assert gone() is None


def test_a_long_chain_is_freed_without_recursion():
    y = node(0, trainable=True)
    for _ in range(200_000):
        y = -y
    gone = weakref.ref(y.parents[0])
    del y
    assert gone() is None
