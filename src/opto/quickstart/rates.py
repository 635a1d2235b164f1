"""How often the jobs are solved: counted over seeds, and kept as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opto.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from opto.quickstart.run import Outcome

__all__ = ["rates", "write"]


def rates(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """What came of each job, over its seeds.

    Args:
        outcomes: one for each job and seed.

    Returns:
        By job: how many seeds, how many of them were solved, means of drafts and seconds,
        and the held-out cases that came out right, over all seeds.
    """
    by_job: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_job.setdefault(outcome.job, []).append(outcome)
    return {job: _rate(found) for job, found in by_job.items()}


def _rate(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    number = len(outcomes)
    held_out = [outcome.held_out for outcome in outcomes if outcome.held_out]
    return {
        "seeds": number,
        "solved": sum(outcome.solved for outcome in outcomes),
        "mean_drafts": round(sum(outcome.drafts for outcome in outcomes) / number, 1),
        "mean_seconds": round(sum(outcome.seconds for outcome in outcomes) / number, 1),
        "unusable_drafts": sum(outcome.unusable for outcome in outcomes),
        **(
            {
                "held_out_right": sum(right for right, _ in held_out),
                "held_out_all": sum(all_ for _, all_ in held_out),
                "held_out_perfect": sum(right == all_ for right, all_ in held_out),
            }
            if held_out
            else {}
        ),
    }


def write(file: Path, model: str, day: date, outcomes: Sequence[Outcome]) -> None:
    """Write a measurement down.

    Args:
        file: where to.
        model: who answered.
        day: when.
        outcomes: one for each job and seed, the order being that of the run.
    """
    content = {
        "model": model,
        "date": day.isoformat(),
        "version": __version__,
        "rates": rates(outcomes),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    # Through a file beside it: a measurement takes an hour, and may be cut off at any time.
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    beside.replace(file)
