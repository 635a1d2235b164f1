"""docs/performance.md: the table, what stands in it, and where it was measured."""

from __future__ import annotations

import os
import platform
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


def processor() -> str:
    """What the machine calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def page(results: Sequence[Result], kept: Sequence[Budget], legs: Sequence[Leg]) -> str:
    """The document."""
    versions = ", ".join(e.package for e in ENVIRONMENTS.values())
    return f"""# Performance

Written by `make bench ARGS=--write`; do not edit by hand.

Measured on {datetime.now(timezone.utc):%Y-%m-%d} with trace-opt {__version__},
{versions}, Python {platform.python_version()},
{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores.

{table(results, [leg.side for leg in legs])}

```
{chr(10).join(map(str, kept))}
```
"""
