"""Working on a job with OptoPrime: run, judge, send the feedback back, step; again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.optimizers import OptoPrime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.llm import LLM
    from opto.optimizers.proposal import Update
    from opto.quickstart.job import Job, Verdict

__all__ = ["Begun", "Ended", "Outcome", "Stepped", "work"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The program before anything was changed, and how it was judged."""

    job: Job
    listing: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Stepped:
    """One step.

    Args:
        number: counts from 1.
        feedback: what was said before the step.
        update: what the optimizer made of it.
        verdict: how the program was judged afterwards.
        seconds: how long the step took.
    """

    number: int
    feedback: str
    update: Update
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job, as plain data.

    Args:
        job: the job's name.
        seed: what chose the instance.
        solved: whether nothing is left to wish for.
        score: the score of the program at the end.
        steps: how many steps were made.
        drafts: how many answers were asked for, second tries not counted.
        unusable: how many of them gave nothing that could be used.
        held_out: right and all of the cases that nobody spoke about; None if there are none.
        seconds: how long it took.
        prompt_tokens: tokens that the model read.
        completion_tokens: tokens that the model wrote.
    """

    job: str
    seed: int
    solved: bool
    score: float
    steps: int
    drafts: int
    unusable: int
    held_out: tuple[int, int] | None
    seconds: float
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The program after the last step, and what came of the job."""

    listing: str
    verdict: Verdict
    outcome: Outcome


def work(job: Job, llm: LLM, seed: int) -> Iterator[Begun | Stepped | Ended]:
    """Work on one instance of a job, and tell what happens as it happens.

    Args:
        job: the job.
        llm: the model that is asked.
        seed: chooses the instance.

    Raises:
        ModelError: the model did not answer.
    """
    task = job.make(Random(seed))  # noqa: S311 - it draws examples, not secrets
    begin = monotonic()
    optimizer = OptoPrime(
        task.parameters,
        llm=llm,
        memory_size=job.memory,
        drafts=job.drafts,
        score=lambda: task.run().score,
        temperature=job.temperature,
    )
    verdict = task.run()
    yield Begun(job, task.listing(), verdict)
    steps: list[Stepped] = []
    while not verdict.solved and len(steps) < job.steps:
        step = _step(optimizer, task, verdict, len(steps) + 1, afresh=job.afresh)
        steps.append(step)
        verdict = step.verdict
        yield step
    yield Ended(task.listing(), verdict, _outcome(job, seed, task, steps, verdict, begin))


def _step(
    optimizer: OptoPrime, task: Any, verdict: Verdict, number: int, *, afresh: bool
) -> Stepped:
    begin = monotonic()
    optimizer.zero_feedback()
    optimizer.backward(verdict.output, verdict.feedback)
    update = optimizer.step(mask=["#Variables"] if afresh and number % 2 else None)
    return Stepped(number, verdict.feedback, update, task.run(), monotonic() - begin)


def _outcome(
    job: Job, seed: int, task: Any, steps: list[Stepped], verdict: Verdict, begin: float
) -> Outcome:
    proposals = [p for s in steps for p in (s.update.proposal, *s.update.proposal.others)]
    usages = [step.update.usage for step in steps]
    return Outcome(
        job=job.name,
        seed=seed,
        solved=verdict.solved,
        score=verdict.score,
        steps=len(steps),
        drafts=len(proposals),
        unusable=sum(p.complaint is not None for p in proposals),
        held_out=task.held_out(),
        seconds=round(monotonic() - begin, 1),
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
    )
