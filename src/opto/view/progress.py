"""A line that shows how far long work is, and what it has asked and used."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.llm.around import around, standing
from opto.llm.attempts import as_sent
from opto.llm.layers import layers
from opto.llm.packages import installed
from opto.llm.prices import Prices
from opto.view.tally import Counts, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from opto.llm.around import Ask
    from opto.llm.port import LLM
    from opto.llm.prices import Price
    from opto.llm.types import Reply, Request

__all__ = ["Progress", "progress"]

# Seconds between two messages where there is no line.
EVERY = 30.0


class Progress:
    """What `progress` gives. All calls of all threads are counted, wherever they are made."""

    # It stands outside of what answers from a record, and sees that as well.
    watches = True

    def __init__(self, total: int | None, what: str, prices: Prices) -> None:
        self.what = what
        self._prices = prices
        self._within, self._lock = ExitStack(), Lock()
        self._tally = Tally(total)
        self._line: Any = None
        self._took: float | None = None

    @property
    def counts(self) -> Counts:
        """How far it is."""
        return self._tally.counts

    def advance(self, steps: int = 1) -> None:
        """So many more steps are done."""
        self._tally.advance(steps)
        if self._line is not None:
            self._line.move(self._work, self.counts.done)
        self._mention()

    def __enter__(self) -> Self:
        self._tally = Tally(self._tally.total)
        self._began = self._mentioned = monotonic()
        self._took = None
        outer = [way for way in standing() if isinstance(way, Progress)]
        self._inner = bool(outer)
        if outer:
            self._line = outer[-1]._line
        elif _shows():
            from opto.view.line import Line  # lazy: rich, 60 ms, where there is a terminal

            self._line = Line()
        if self._line is not None:
            self._work = self._line.add(self.what, self._tally.total, self._said)
        self._within.enter_context(around(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._within.close()
        self._took = monotonic() - self._began
        if self._line is None:
            self._log("%s: %s", self.what, self._said())
            return
        self._line.end(self._work, last=not self._inner)
        self._line = None

    def __call__(self, llm: LLM, request: Request, ask: Ask) -> Reply:
        """Answer a question by asking on, and count it; see `opto.llm.around.Around`."""
        try:
            reply = ask(request)
        except BaseException:
            self._tally.failed()
            self._mention()
            raise
        self._tally.answered(reply, None if reply.recalled else self._cost(llm, request, reply))
        self._mention()
        return reply

    def _cost(self, llm: LLM, request: Request, reply: Reply) -> float | None:
        name = as_sent(llm, request).model
        budgets = (getattr(layer, "prices", None) for layer in layers(llm))
        tables = (self._prices, *(table for table in budgets if isinstance(table, Prices)))
        costs = (table.cost(name, reply.usage) for table in tables)
        return next((cost for cost in costs if cost is not None), None)

    def _said(self) -> str:
        tally, counts = self._tally, self._tally.counts
        of = "" if tally.total is None else f"/{tally.total:,}"
        left = tally.left()
        if self._took is not None:
            rest = f" · in {_time(self._took)}"
        else:
            rest = "" if left is None else f" · {_time(left)} left"
        return f"{counts.done:,}{of} · {counts}{rest}"

    def _mention(self) -> None:
        """Log how far it is, every so often, where there is no line."""
        if self._line is not None:
            return
        with self._lock:
            now = monotonic()
            if now - self._mentioned < EVERY:
                return
            self._mentioned = now
        self._log("%s: %s", self.what, self._said())

    def _log(self, *said: Any) -> None:
        from logging import getLogger  # lazy: 5 ms, for whoever has no terminal

        getLogger("opto.progress").info(*said)


def progress(
    total: int | None = None,
    what: str = "steps",
    *,
    prices: Mapping[str, Price] | Prices | None = None,
) -> Progress:
    """Show how far long work is: steps, calls, tokens, money, and the time that is left.

    A context manager. It counts all calls of the program to all its models by itself, in
    all threads and tasks, and of what an `opto.run` does not ask again, how many came from
    the record. Tokens and money are those of what was asked now. What nobody knows, a
    price above all, is called unknown, and is no zero.

    It is a line on standard error, drawn by ``rich``: ``pip install "trace-opt[progress]"``.
    In notebooks, in CI, in pipes and files, and without ``rich``, there is none; then a
    message to the logger ``opto.progress``, every half a minute and at the end, says the
    same. ``NO_COLOR`` and ``TERM=dumb`` are respected. One within another is a second line,
    for as long as it is under way.

    Args:
        total: how many steps there are; None where nobody knows.
        what: what the steps are called.
        prices: your prices by the name of the model, beside those of `Budgeted` models
            and those of LiteLLM, see `Prices`.

    Example:
        >>> from opto.llm import FREE, Reply, ScriptedLLM, Usage
        >>> model = ScriptedLLM([Reply("Hello", usage=Usage(5, 3))])
        >>> with progress(total=1, prices={"tiny": FREE}) as p:
        ...     _ = model("Greet me.", model="tiny")
        ...     p.advance()
        >>> print(p.counts)
        1 call · 8 tokens · $0.0000

    Source: issue 4, point 7.
    """
    return Progress(total, what, prices if isinstance(prices, Prices) else Prices(prices or {}))


def _shows() -> bool:
    """Whether a line can be drawn, and somebody may be there to see it."""
    in_ci = os.environ.get("CI", "").casefold() not in {"", "0", "false"}
    if in_ci or os.environ.get("TERM", "").casefold() in {"dumb", "unknown"}:
        return False
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and not _in_notebook() and installed("rich")


def _in_notebook() -> bool:
    # Its standard error is a terminal on some hosts, but none that can draw over a line.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
