"""One step of an optimizer as a page: what it was shown, what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from opto.errors import OptimizerError

__all__ = ["Page", "render_opt_step"]

_CARD = (
    "<section style='margin:0 0 12px;border:1px solid {border};border-radius:6px;"
    "background:{fill};padding:8px 12px'><b>{title}</b>"
    "<pre style='white-space:pre-wrap;margin:6px 0 0'>{text}</pre></section>"
)


@dataclass(frozen=True, slots=True)
class Page:
    """HTML that a notebook shows; all text in it is escaped."""

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.html


def render_opt_step(
    step_idx: int,
    optimizer: Any,
    no_trace_graph: bool = False,
    no_improvement: bool = False,
) -> Page:
    """Show a step of an optimizer, in a notebook where there is one.

    Args:
        step_idx: which step, from 0 on; negative numbers count from the last.
        optimizer: an optimizer that keeps its log.
        no_trace_graph: leave out what the optimizer was shown of the run.
        no_improvement: leave out what it answered.

    Returns:
        The page.

    Raises:
        OptimizerError: the optimizer keeps no log, or has not made that step.
    """
    log, summaries = optimizer.log, optimizer.summary_log
    if log is None or not -len(log) <= step_idx < len(log):
        raise OptimizerError(
            f"there is no step {step_idx} to show: the optimizer "
            + ("was made with log=False" if log is None else f"has logged {len(log)} steps")
        )
    cards = []
    if not no_trace_graph:
        shown = str(summaries[step_idx]["problem_instance"])
        cards.append(_card("The run and its feedback", shown, "#5C9BD5", "#F4F9FD"))
    if not no_improvement:
        cards.append(_card("The answer", str(log[step_idx]["response"]), "#8BC34A", "#F7FCF1"))
    page = Page("".join(cards))
    if find_spec("IPython"):
        import_module("IPython.display").display(page)
    return page


def _card(title: str, text: str, border: str, fill: str) -> str:
    return _CARD.format(title=escape(title), text=escape(text), border=border, fill=fill)
