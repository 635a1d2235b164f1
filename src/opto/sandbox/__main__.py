"""``python -m opto.sandbox``: what this machine enforces; ``... check``: does it hold here?"""

from __future__ import annotations

import os
import sys
import time
import warnings
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from opto.errors import SandboxError, SandboxUnavailable, nearest
from opto.sandbox.battery.check import as_table, check, kept_promises
from opto.sandbox.battery.snippets import benign, hostile
from opto.sandbox.engine import engine_for
from opto.sandbox.policy import Policy
from opto.sandbox.probe import probe

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from opto.sandbox.battery.check import Verdict

__all__ = ["main"]


def main(words: list[str] | None = None) -> int:
    """Run what the command line says.

    Args:
        words: the arguments; None for those that the process was started with.

    Returns:
        The exit status: 0 if the machine keeps what the level promises.
    """
    parser = ArgumentParser(
        "python -m opto.sandbox", description="What stands between foreign code and this machine."
    )
    parser.set_defaults(run=_report)
    commands = parser.add_subparsers(metavar="command")
    tried = commands.add_parser("check", help="run the battery of hostile and ordinary code here")
    tried.add_argument(
        "--level", choices=("process", "isolated", "auto"), default="auto", help="default: auto"
    )
    tried.add_argument(
        "--engine", choices=("cpython", "monty"), default="cpython", help="default: cpython"
    )
    tried.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="hosts at once")
    tried.add_argument("--only", nargs="+", default=(), metavar="ID", help="these texts alone")
    tried.add_argument("--hostile", type=Path, metavar="FOLDER", help="other attacks than ours")
    tried.add_argument("--benign", type=Path, metavar="FOLDER", help="other functions than ours")
    tried.add_argument("-v", "--verbose", action="store_true", help="tell of each text")
    tried.set_defaults(run=_check)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _report(_arguments: Namespace) -> int:
    process = probe("process")
    _say(str(process))
    try:
        isolated = probe("isolated")
    except SandboxUnavailable as missing:
        _say(f"isolated: {missing}")
        return 1
    _say(str(isolated))
    _say("refused: " + ", ".join(isolated.refused))
    return 0


def _check(arguments: Namespace) -> int:
    start = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the line below says which it is
            policy = Policy(level=arguments.level, engine=arguments.engine)
            _say(str(engine_for(policy).start(policy)))
        attacks, functions = hostile(arguments.hostile), benign(arguments.benign)
        _must_hold(arguments.only, {a.id for a in attacks} | {f.id for f in functions})
        verdicts = check(
            arguments.level,
            engine=arguments.engine,
            jobs=arguments.jobs,
            only=arguments.only,
            attacks=attacks,
            functions=functions,
            told=_tell if arguments.verbose else lambda _verdict: None,
        )
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _say(as_table(verdicts))
    _say(f"{time.monotonic() - start:.0f} s")
    return 0 if kept_promises(verdicts) else 1


def _must_hold(names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            near = nearest(name, known)
            near = near if "mean" in near else "; -v names all that are run"
            raise SandboxError(f"the battery has no {name!r}{near}")


def _tell(verdict: Verdict) -> None:
    wrong = "; ".join(verdict.flags) or "held"
    _say(f"{verdict.seconds:6.2f} s  {verdict.id}: {wrong}  [{verdict.sentence[:110]}]")


if __name__ == "__main__":
    sys.exit(main())
