"""The command line: ``python -m opto quickstart``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from importlib.util import find_spec

from opto.version import __version__

__all__ = ["main"]


def main(words: list[str] | None = None) -> int:
    """Run what the command line says.

    Args:
        words: the arguments; None for those that the process was started with.

    Returns:
        The exit status.
    """
    if find_spec("rich") is None:
        sys.stderr.write('This needs rich; install it: pip install "trace-opt[quickstart]"\n')
        return 2
    # lazy: rich is in the extra `quickstart`
    from opto.quickstart import command as quickstart

    parser = ArgumentParser(
        "python -m opto", description="Trace a program, and let it be repaired."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    shown = commands.add_parser("quickstart", help="watch a model repair four small programs")
    quickstart.add_arguments(shown)
    shown.set_defaults(run=quickstart.main)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
