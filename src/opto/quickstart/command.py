"""``python -m opto quickstart``: the jobs shown one after the other, or measured."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler

from opto.errors import OptoError
from opto.quickstart.answerer import answerer
from opto.quickstart.jobs import JOBS
from opto.quickstart.rates import rates, write
from opto.quickstart.run import Ended, work
from opto.quickstart.show import show
from opto.trace import GRAPH

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from opto.quickstart.answerer import Answerer
    from opto.quickstart.run import Outcome

__all__ = ["add_arguments", "main"]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--job", action="append", choices=JOBS, help="only this one; may be given again"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="show each job N times (default: once)"
    )
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="begin with seed N")
    parser.add_argument("--model", help="a local model, a GGUF file, or a provider's model")
    parser.add_argument(
        "--measure", type=int, metavar="N", help="count how often N seeds of each job are solved"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes to FILE")


def main(arguments: Namespace) -> int:
    """Run the command.

    Returns:
        The exit status: 0 if all ran, whether solved or not; 2 if no model could answer.
    """
    console = Console()
    # What the weights' sources answered is worth a line here, though not in a library.
    logging.basicConfig(format="%(message)s", handlers=[RichHandler(console=console)])
    logging.getLogger("opto.llm").setLevel(logging.INFO)
    try:
        answers = answerer(arguments.model)
        for line in answers.words:
            console.print(line, markup=False)
        _run(arguments, answers, console)
    except OptoError as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 2
    return 0


def _run(arguments: Namespace, answers: Answerer, console: Console) -> None:
    measuring = arguments.measure is not None
    count = arguments.measure if measuring else arguments.seeds
    outcomes: list[Outcome] = []
    for name in dict.fromkeys(arguments.job or JOBS):
        for seed in range(arguments.first_seed, arguments.first_seed + count):
            # Names begin anew, so that a prompt does not depend on what was shown before.
            GRAPH.clear()
            for event in work(JOBS[name], answers.llm, seed):
                if not measuring:
                    show(event, console)
                if isinstance(event, Ended):
                    outcomes.append(event.outcome)
            if measuring:
                console.print(json.dumps(asdict(outcomes[-1])), markup=False, soft_wrap=True)
            if arguments.json:
                day = datetime.now(tz=timezone.utc).date()
                write(arguments.json, repr(answers.llm), day, outcomes)
    for name, rate in rates(outcomes).items():
        solved, seeds = rate.pop("solved"), rate.pop("seeds")
        rest = ", ".join(f"{what.replace('_', ' ')} {number}" for what, number in rate.items())
        console.print(f"{name}: {solved} of {seeds} solved ({rest})", soft_wrap=True)
