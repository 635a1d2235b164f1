"""The line of long work in a terminal, drawn by `rich`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Line"]


class Line:
    """Lines at the bottom of a terminal, one for each kind of work; the rest scrolls above.

    It stands on standard error, so that what a program prints can still go to a file.
    """

    def __init__(self) -> None:
        self._shown = Progress(
            _Unless(SpinnerColumn()),
            TextColumn("{task.description}", markup=False),
            _If(BarColumn(bar_width=20)),
            _Said(),
            console=Console(stderr=True),
            # Else what a program writes into a file would come to the terminal instead.
            redirect_stdout=sys.stdout.isatty(),
            refresh_per_second=4,
        )

    def add(self, what: str, total: int | None, said: Callable[[], str]) -> Any:
        """One more kind of work.

        Args:
            what: its name.
            total: how many steps there are; None where nobody knows.
            said: gives what stands behind the bar, whenever it is drawn.

        Returns:
            What it is called here.
        """
        if not self._shown.tasks:
            self._shown.start()
        return self._shown.add_task(what, total=total, said=said)

    def move(self, work: Any, done: int) -> None:
        """So many steps are done."""
        self._shown.update(work, completed=done)

    def end(self, work: Any, *, last: bool) -> None:
        """A kind of work is over. The last one's line stays, and the others make room."""
        if last:
            self._shown.stop_task(work)
            self._shown.stop()
        else:
            self._shown.remove_task(work)


class _Said(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["said"](), no_wrap=True, overflow="ellipsis")


class _If(ProgressColumn):
    """A column of work whose length is known."""

    wanted = True

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self.column = column

    def render(self, task: Task) -> Any:
        return self.column.render(task) if (task.total is not None) is self.wanted else Text()


class _Unless(_If):
    """A column of work whose length is not known."""

    wanted = False
