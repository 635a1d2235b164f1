"""Jobs at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_threads(job: Callable[[int], Any], count: int) -> list:
    """The results of `job(0) ... job(count - 1)`, run at once; the first error is raised."""
    start = threading.Barrier(count)

    def run(i: int):
        start.wait()
        return job(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
