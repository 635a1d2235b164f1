"""Everything at once, for minutes: is each answer right, and does the memory stay flat?

Usage: .venv/bin/python -m benchmarks.soak [SECONDS]

Threads and tasks trace, send feedback back, fail, recurse and evaluate on shared
parameters, while one of them rewrites the shared code and another zeroes the shared
feedback. Ends with 1 at the first wrong answer (see `benchmarks.flows`), or if memory or
the number of living nodes has grown by more than 5 % since the first minute.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.flows import Flow, Shared
from benchmarks.sample import resident_bytes
from opto.trace import GRAPH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

THREADS, TASKS = 16, 200
WINDOW = 10.0  # seconds between lines
WARM_UP = 60.0
MEETING = 50  # passes of a thread until it meets the others
GROWTH = 1.05
IMPATIENCE = 1e-4  # seconds between switches of threads, a fiftieth of what is usual


@dataclass(frozen=True)
class Reading:
    """What one window looked like.

    Attributes:
        seconds: since the start.
        megabytes: of resident memory, the median of the window.
        nodes: that lived at the end of it.
        passes: made since the start.
    """

    seconds: float
    megabytes: float
    nodes: int
    passes: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:5.0f} s  {self.megabytes:7.1f} MB resident  "
            f"{self.nodes:7,} living nodes  {self.passes:10,} passes"
        )


class Soak:
    """The flows, and the threads that they run in."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.flows = [Flow(i, self.shared) for i in range(THREADS + TASKS)]
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.meeting = threading.Barrier(THREADS, action=self.shared.take_tally)
        jobs = [partial(self._thread, flow) for flow in self.flows[:THREADS]]
        jobs += [self._tasks, self._rewrite, self._zero]
        self.threads = [threading.Thread(target=self._until_over, args=(job,)) for job in jobs]

    def _until_over(self, job: Callable[[], None]) -> None:
        try:
            while not self.over.is_set():
                job()
        except threading.BrokenBarrierError:
            pass  # another flow was wrong, or the time is over
        except Exception:  # noqa: BLE001 - whatever it is, it is wrong
            self.wrong.append(traceback.format_exc())
            self.end()

    def end(self) -> None:
        """Let each flow finish what it is doing, and no more."""
        self.over.set()
        self.meeting.abort()

    def _thread(self, flow: Flow) -> None:
        flow.once()
        if flow.passes % MEETING == 0:
            flow.vote()
            self.meeting.wait()

    def _rewrite(self) -> None:
        self.shared.rewrite()
        time.sleep(0.005)

    def _zero(self) -> None:
        self.shared.zero()
        time.sleep(0.01)

    def _tasks(self) -> None:
        async def go_on(flow: Flow) -> None:
            while not self.over.is_set():
                await flow.once_async()

        async def together() -> None:
            await asyncio.gather(*map(go_on, self.flows[THREADS:]))

        asyncio.run(together())

    def passes(self) -> int:
        """How many passes all flows have made."""
        return sum(flow.passes for flow in self.flows)


def watched(soak: Soak, seconds: float) -> list[Reading]:
    """Run it for so long, printing a line for each window."""
    start = time.monotonic()
    for thread in soak.threads:
        thread.start()
    readings = []
    while not soak.over.is_set() and time.monotonic() - start < seconds:
        held = []
        end = time.monotonic() + min(WINDOW, seconds - (time.monotonic() - start))
        while time.monotonic() < end and not soak.over.wait(0.5):
            held.append(resident_bytes() / 1e6)
        now = time.monotonic() - start
        readings.append(
            Reading(now, median(held or [resident_bytes() / 1e6]), len(GRAPH), soak.passes())
        )
        print(readings[-1], flush=True)
    soak.end()
    for thread in soak.threads:
        thread.join()
    return readings


def grown(readings: Sequence[Reading]) -> float:
    """How many times the memory of the warm program it holds at the end."""
    warm = min(WARM_UP, readings[-1].seconds / 2)
    later = [r.megabytes for r in readings if r.seconds >= warm]
    return median(later[-3:]) / later[0]


def main(seconds: float = 600.0) -> int:
    """Run the soak; 1 if anything was wrong."""
    sys.setswitchinterval(IMPATIENCE)
    soak = Soak()
    before = len(GRAPH)
    readings = watched(soak, seconds)
    growth = grown(readings)
    soak.shared.forget()
    gc.collect()
    left = len(GRAPH) - before
    print(f"memory at the end: {growth:.3f} times the memory when warm (at most {GROWTH})")
    print(f"nodes left of all that was traced: {left}")
    print("\n".join(soak.wrong) or "all answers were right")
    return int(bool(soak.wrong) or growth > GROWTH or left > 0)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
