"""Taking one sample of a case: its text made into a function, and the function run.

The steps stand in the loop itself, as in `timeit`, so that nothing is measured that a
user would not run. The text lies in a file, because some sides read the source of what
they trace. Standard library only, as `benchmarks.cases`.
"""

from __future__ import annotations

import asyncio
import inspect
import tracemalloc
from contextlib import nullcontext
from pathlib import Path
from textwrap import indent
from time import process_time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.cases import Case

# What is run for a sample, by the shape of its case.
SHAPES = {
    "loop": """
def sample(size):
{setup}
    with {around}:
        start = clock()
        for _ in range(size):
{step}
        return clock() - start
""",
    "once": """
def sample(size):
{setup}
    start = clock()
{once}
    return clock() - start
""",
    "bytes": """
def sample(size):
{setup}
    start = held()
    for _ in range(size):
{step}
    return held() - start
""",
}
SHAPES["async"] = SHAPES["loop"].replace("def sample", "async def sample")


def traced_bytes() -> int:
    """Bytes that Python holds, counted from the first time this is asked."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0]


def resident_bytes() -> int:
    """Bytes of memory that this process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def written(case: Case, side: str) -> str:
    """The text of a case, as a side runs it."""
    step = case.steps.get(side, case.step)
    return SHAPES[case.shape].format(
        setup=indent(case.setup or "pass", " " * 4),
        around=case.around,
        step=indent(step, " " * 12),
        once=indent(step, " " * 4),
    )


def sampler(case: Case, side: str, names: Mapping[str, object], folder: Path) -> Callable:
    """A function of a number of steps that gives what they took: nanoseconds or bytes.

    Args:
        case: what to measure.
        side: as which side.
        names: what the case calls `node`, `bundle` and so on.
        folder: where to put its source.
    """
    file = folder / f"{case.name}.py"
    file.write_text(written(case, side), encoding="utf-8")
    scope = {"nullcontext": nullcontext, "clock": process_time_ns, "held": traced_bytes, **names}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), scope)  # noqa: S102
    sample = scope["sample"]

    def take(size: int) -> int:
        try:
            result = sample(size)
            return asyncio.run(result) if inspect.iscoroutine(result) else result
        finally:
            tracemalloc.stop()

    return take
