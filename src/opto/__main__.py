"""The command line: ``python -m opto quickstart`` and ``python -m opto runs``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from importlib.util import find_spec
from json import dumps
from typing import TYPE_CHECKING

from opto.errors import OptoError
from opto.store.opening import open_journal
from opto.store.runs import as_table, runs
from opto.version import __version__

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]


def main(words: list[str] | None = None) -> int:
    """Run what the command line says.

    Args:
        words: the arguments; None for those that the process was started with.

    Returns:
        The exit status.
    """
    parser = ArgumentParser(
        "python -m opto", description="Trace a program, and let it be repaired."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    shown = commands.add_parser("quickstart", help="watch a model repair four small programs")
    _add_quickstart(shown)
    listed = commands.add_parser("runs", help="list the runs of a journal, and what they cost")
    listed.add_argument("--journal", metavar="PLACE", help="its file or address; else your own")
    listed.add_argument("--json", action="store_true", help="print JSON, one run a line")
    listed.set_defaults(run=_list_runs)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status


def _add_quickstart(parser: ArgumentParser) -> None:
    if find_spec("rich") is None:
        parser.set_defaults(run=_miss_rich)
        return
    # lazy: rich is in the extra `quickstart`
    from opto.quickstart import command

    command.add_arguments(parser)
    parser.set_defaults(run=command.main)


def _miss_rich(_arguments: Namespace) -> int:
    sys.stderr.write('This needs rich; install it: pip install "trace-opt[quickstart]"\n')
    return 2


def _list_runs(arguments: Namespace) -> int:
    try:
        with open_journal(arguments.journal, made=True) as journal:
            found = runs(journal)
    except OptoError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if arguments.json:
        for record in found:
            print(dumps(asdict(record)))
    else:
        print(as_table(found) if found else "There are no runs yet.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
