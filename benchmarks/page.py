"""docs/performance.md: the table, what stands in it, and where it was measured."""

from __future__ import annotations

import os
import platform
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import ENVIRONMENTS
from benchmarks.report import table
from benchmarks.rounds import ROOT
from opto import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.budgets import Budget
    from benchmarks.rounds import Leg, Result

PAGE = ROOT / "docs" / "performance.md"
# The last sections are other benchmarks', see `benchmarks.asking` and `benchmarks.sandbox`.
ASKING = "## Asking"
SANDBOX = "## Foreign code in the sandbox"


def processor() -> str:
    """What the machine calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def where() -> str:
    """When and where something is measured."""
    system = f"{platform.system()} {platform.machine()}"
    return f"""\
* Date: {datetime.now(timezone.utc):%Y-%m-%d}
* Machine: {processor()}, {os.cpu_count()} cores, {system}
* Versions: trace-opt {__version__}, Python {platform.python_version()}"""


def put(*, tracing: str | None = None, asking: str | None = None) -> None:
    """Write a part of the page, and keep the others as they are.

    Args:
        tracing: all that stands before the section on asking.
        asking: that section, with its heading.
    """
    text, *rest = re.split(f"^(?={SANDBOX}$)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    before, heading, after = text.partition(ASKING)
    first = before.rstrip() if tracing is None else tracing.rstrip()
    second = (heading + after).strip() if asking is None else asking.strip()
    whole = "\n\n".join([first, second, *map(str.strip, rest)]) + "\n"
    PAGE.write_text(whole.replace("\n\n\n", "\n\n"), encoding="utf-8")


NOTES = """\
How to read it:

* CPU time in microseconds of one step, garbage collector on: medians of up to 15 samples of
  20 ms (of a chain: of 10,000 steps) that alternate between the sides, all in one run. A side
  that is slow gets fewer samples. The loop around the step is counted, about 0.01 us.
* An empty cell: the side has no such thing, or could not follow. The original's backward pass
  is quadratic on chains and fan-ins and cubic on diamonds.
* *minimal* is the near-limit (`benchmarks/minimal.py`): a slotted node with a value, its
  operation and its parents, and nothing else, about 30 lines for bundles and one operator.
  *plain* is Python without tracing.
* *torch* traces in C++: scalar tensors with `requires_grad`, one thread. *textgrad* has texts
  for values, and only its tracer runs: nothing here asks a model. Its sum of two spells out
  what it is a sum of, so its chain is 1,000 long; all others are 10,000 long.
* *not traced* is `stop_tracing()`, or `torch.no_grad()`.
* *rewritten once*: the code parameter has got a new text, which was compiled before the clock
  started. The row before it is the same function, not trainable.
* *a step of* a backward pass: the pass alone, divided by the operations recorded before.
* Bytes are counted by `tracemalloc` in a chain of 100,000 whose values are one object (the
  original: 20,000, textgrad: 1,000); torch's, which Python does not hold, by resident memory.
"""


def page(results: Sequence[Result], kept: Sequence[Budget], legs: Sequence[Leg]) -> str:
    """The document."""
    installed = "\n".join(
        f"* *{side}* is {e.package}, in an environment of its own"
        + (f", without {e.left_out}." if e.left_out else ".")
        for side, e in ENVIRONMENTS.items()
    )
    others = ", ".join(e.package for e in ENVIRONMENTS.values())
    budgets = "\n".join(map(str, kept))
    return f"""# Performance

Written by `make bench ARGS=--write`; do not edit by hand.

{where()}, {others}

{table(results, [leg.side for leg in legs])}

The budgets, as ratios in this run (the times to `x + y` are those of the minimal tracer's):

```
{budgets}
```

{NOTES}
{installed}
"""
