"""SPEC 11.B1 and issue 2: a thousand iterations leave nothing behind."""

import gc
import sys

import psutil

from opto.llm import DummyLLM
from opto.optimizers import OptoPrime
from opto.trace import Node, bundle, node
from tests.optimizers.answers import suggests


def live_nodes():
    gc.collect()
    return sum(isinstance(thing, Node) for thing in gc.get_objects())


class Counter:
    """Answers with a new number and a new function body each time."""

    def __init__(self):
        self.count = 0

    def __call__(self, messages):
        self.count += 1
        body = f"def shift(number):\n    return number + {self.count}"
        return suggests(x0=self.count, __code0=body)


def test_a_thousand_iterations_stay_flat():
    @bundle(trainable=True)
    def shift(number):
        return number - 1

    x = node(0, name="x", trainable=True)
    blob = node("b" * 10_000, name="blob")
    parameters = [x, *shift.parameters()]
    counter = Counter()
    optimizer = OptoPrime(parameters, llm=DummyLLM(counter), log=False, memory_size=5)

    def iterate(times):
        for _ in range(times):
            y = shift(x) * 2 + blob.len()
            optimizer.zero_feedback()
            optimizer.backward(y, "larger " * 100)
            assert len(optimizer.step()) == 2

    process = psutil.Process()
    iterate(200)  # caches fill, the allocator settles
    # Not the process's memory first: in a worker that has run thousands of tests it moves
    # by itself. A second turn tells what grows from what moves.
    nodes = live_nodes()
    for _ in range(2):
        memory = process.memory_info().rss
        iterate(1000)
        assert live_nodes() <= nodes
        grown = process.memory_info().rss - memory
        if grown < 8_000_000:
            break
    assert grown < 8_000_000
    assert x.data == counter.count >= 1200
    assert sys.getrefcount(x) < 60


def test_logs_hold_no_nodes():
    x = node(0, name="x", trainable=True)
    optimizer = OptoPrime([x], llm=DummyLLM(lambda messages: suggests(x0=len(optimizer.log))))
    before = live_nodes()
    for _ in range(50):
        optimizer.zero_feedback()
        optimizer.backward(x + 1, "larger")
        optimizer.step()
    optimizer.zero_feedback()
    assert len(optimizer.log) == len(optimizer.summary_log) == 50
    assert live_nodes() <= before + 1
