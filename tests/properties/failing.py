"""Functions that fail. A file of their own: where a failure is told, its file is read."""

from __future__ import annotations

from typing import Any

from opto.trace import bundle


def fails(a: Any, b: Any = 0) -> Any:
    raise ValueError(f"{a!r} {b!r}")


class Failing:
    @bundle()
    def fails(self, a: Any, b: Any = 3) -> Any:
        raise KeyError(a)

    @bundle()
    async def later(self, a: Any, b: Any = 3) -> Any:
        if b == 1:
            raise ValueError(a)
        return [a, b]
