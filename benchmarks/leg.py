"""One side of the comparison, run in its own environment.

It is told on standard input what to measure, a line ``case size`` at a time, and
answers each line with CPU nanoseconds, or bytes; or with a word for why it could not.

Usage: python -m benchmarks.leg ours|original|textgrad|torch|minimal|plain
"""

from __future__ import annotations

import gc
import sys
import traceback
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import CASES
from benchmarks.sample import sampler
from benchmarks.sides import SIDES


def main(side: str) -> None:
    """Answer until standard input ends."""
    # The answers go out on a line of their own, whatever a library prints.
    answers, sys.stdout = sys.stdout, sys.stderr
    names = SIDES[side]()
    with TemporaryDirectory() as folder:

        @cache
        def take(name):
            return sampler(CASES[name], side, names, Path(folder))

        for line in sys.stdin:
            name, size = line.split()
            # What an earlier case left behind is not this one's to collect.
            names["forget"]()
            gc.collect()
            try:
                answer = take(name)(int(size))
            except Exception as error:  # noqa: BLE001 - a side that cannot is told of in the table
                traceback.print_exc()
                answer = type(error).__name__
            print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
