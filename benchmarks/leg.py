"""One side of the comparison, run as a script in its own environment.

It is told on standard input what to measure, a line ``case size`` at a time, and
answers each line with CPU nanoseconds. Both distributions are called `opto` and
have one public API, so the same cases run on both.

Usage: python leg.py traced|minimal|plain
"""

from __future__ import annotations

import gc
import sys
from time import process_time_ns


def plain():
    """Python without any tracing, as the cases would be written without it."""

    def identity(value, **_):
        return value

    return identity, lambda **_: lambda function: function, lambda: None


def minimal():
    from minimal import Node, bundle  # lazy: beside this script, and only in this leg

    return lambda value, **_: Node(value), lambda **_: bundle, lambda: None


def traced():
    from opto.trace import GRAPH, bundle, node  # lazy: two distributions have this name

    return node, bundle, GRAPH.clear


class Cases:
    """The things to measure: each method does `size` times what it is named after."""

    def __init__(self, node, bundle):
        @bundle()
        def one(a):
            """One argument."""
            return a

        @bundle()
        def three(a, b, c):
            """Three arguments."""
            return a, b, c

        @bundle(trainable=True)
        def learned(a):
            """One argument, and code that may change."""
            return a

        self.node, self.bundle = node, bundle
        self.one, self.three, self.learned = one, three, learned

    def add(self, size):
        x, y = self.node(1), self.node(2)
        start = process_time_ns()
        for _ in range(size):
            x + y
        return process_time_ns() - start

    def chain(self, size, **options):
        z = self.node(0, **options)
        start = process_time_ns()
        for _ in range(size):
            z = z + 1
        return process_time_ns() - start, z

    def bundle_1(self, size):
        return self.calls(self.one, size, 1)

    def bundle_3(self, size):
        return self.calls(self.three, size, 3)

    def bundle_trainable(self, size):
        return self.calls(self.learned, size, 1)

    def calls(self, function, size, arguments):
        given = [self.node(i) for i in range(arguments)]
        start = process_time_ns()
        for _ in range(size):
            function(*given)
        return process_time_ns() - start

    def decoration(self, size):
        bundle = self.bundle
        start = process_time_ns()
        for _ in range(size):

            @bundle()
            def decorated(a):
                """One argument."""
                return a

        return process_time_ns() - start

    def backward(self, size):
        """The pass alone: recording the chain is not timed."""
        _, z = self.chain(size, trainable=True)
        start = process_time_ns()
        z.backward("more")
        return process_time_ns() - start


def main(side):
    # The answers go out on a line of their own, whatever a library prints.
    answers, sys.stdout = sys.stdout, sys.stderr
    node, bundle, forget = {"plain": plain, "minimal": minimal, "traced": traced}[side]()
    cases = Cases(node, bundle)
    for line in sys.stdin:
        name, size = line.split()
        # What an earlier case left behind is not this one's to collect.
        forget()
        gc.collect()
        took = getattr(cases, name)(int(size))
        print(took[0] if name == "chain" else took, file=answers, flush=True)
        del took


if __name__ == "__main__":
    main(sys.argv[1])
