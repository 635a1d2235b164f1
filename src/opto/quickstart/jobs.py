"""The jobs of the quickstart, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opto.quickstart.choice import CHOICE
from opto.quickstart.greeting import GREETING
from opto.quickstart.number import NUMBER
from opto.quickstart.sorting import REPAIR

if TYPE_CHECKING:
    from opto.quickstart.job import Job

__all__ = ["JOBS"]

JOBS: dict[str, Job] = {job.name: job for job in (NUMBER, CHOICE, GREETING, REPAIR)}
