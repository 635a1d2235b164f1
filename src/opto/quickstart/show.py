"""What a person sees of a job while it is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax

from opto.quickstart.run import Begun, Stepped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console, RenderableType

    from opto.optimizers.proposal import Change, Trial, Update
    from opto.quickstart.run import Ended

__all__ = ["show"]


def show(event: Begun | Stepped | Ended, console: Console) -> None:
    """Print what has just happened.

    Args:
        event: one of those that `work` tells.
        console: where to print.
    """
    for part in _parts(event):
        console.print(part)


def _parts(event: Begun | Stepped | Ended) -> Iterator[RenderableType]:
    if isinstance(event, Begun):
        yield ""
        yield f"[bold]{escape(event.job.title)}[/]  ({event.job.name})"
        yield Panel(_python(event.listing), title="before", title_align="left")
        yield f"  gives {escape(event.verdict.words)}"
    elif isinstance(event, Stepped):
        yield from _step(event)
    else:
        yield Panel(_python(event.listing), title="after", title_align="left")
        yield _summary(event)


def _step(step: Stepped) -> Iterator[RenderableType]:
    yield f"[bold]Step {step.number}[/]  ({step.seconds:.0f} s)"
    yield _quoted("feedback", step.feedback)
    if step.update.reasoning:
        yield _quoted("reasoning", step.update.reasoning)
    # The first trial is the program as it stands.
    for trial in step.update.trials[1:]:
        yield _quoted(_worth(trial), _values(trial.changes))
    for words in _refusals(step.update):
        yield _quoted("refused", words)
    taken = "[green]taken[/]" if step.update else "[yellow]nothing better: left as it is[/]"
    yield f"  {taken}; now it gives {escape(step.verdict.words)}"


def _refusals(update: Update) -> list[str]:
    """Why drafts, or values in them, were not taken; each reason once."""
    drafts = (update.proposal, *update.proposal.others)
    refused = [*update.refused, *(refusal for draft in drafts for refusal in draft.refused)]
    unread = [draft.failure for draft in drafts if draft.failure]
    return list(dict.fromkeys([*(f"{r}  {r.text}".rstrip() for r in refused), *unread]))


def _worth(trial: Trial) -> str:
    return f"draft, failed: {trial.failure}" if trial.failure else f"draft, score {trial.score:g}"


def _values(changes: Iterable[Change]) -> str:
    return "\n".join(
        str(change.after) if "\n" in str(change.after) else f"{change.name} = {change.after!r}"
        for change in changes
    )


def _quoted(title: str, text: str) -> RenderableType:
    first, *rest = text.splitlines() or [""]
    if not rest:
        return f"  [dim]{escape(title)}:[/] {escape(first)}"
    return Padding(f"[dim]{escape(title)}:[/]\n{escape(text)}", (0, 0, 0, 2))


def _python(text: str) -> RenderableType:
    return Syntax(text, "python", background_color="default", word_wrap=True)


def _summary(event: Ended) -> str:
    outcome = event.outcome
    state = "[bold green]solved[/]" if outcome.solved else "[bold red]not solved[/]"
    parts = [
        f"{state}: {outcome.steps} steps, {outcome.drafts} drafts, {outcome.seconds:.0f} s",
        escape(event.verdict.words),
    ]
    if outcome.held_out:
        right, all_ = outcome.held_out
        parts.append(f"{right} of {all_} held-out cases right, of which the model never heard")
    return "; ".join(parts)
