"""A run: a program whose questions are answered from its own record as far as that goes.

Resuming is replaying. The program runs again from its beginning; what was answered before
is not asked again, so that it comes to where it was, and goes on from there.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, ModelMissing, StoreError
from opto.llm.around import around
from opto.llm.layers import layers
from opto.store.chance import fresh_seed, same_chance
from opto.store.events import Claim, Entry
from opto.store.exchange import exchange
from opto.store.lineage import Lineage
from opto.store.numbers import Numbers
from opto.store.opening import open_journal
from opto.store.owner import Owner
from opto.store.question import key_in_run
from opto.store.steps import entries_of, tells_the_same

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from types import TracebackType

    from typing_extensions import Self

    from opto.llm.around import Ask
    from opto.llm.budget import Budget
    from opto.llm.port import LLM
    from opto.llm.prices import Price
    from opto.llm.types import Reply, Request
    from opto.store.events import Event
    from opto.store.journal import Journal

__all__ = ["Run", "run"]

# Seconds that nobody else may go on with the run of a process of which nothing is known any
# more: that of a dead one on this machine is free at once. It is renewed while it is in use.
LEASE, RENEWED = 3600.0, 600.0


class Run:
    """What `run` gives: a context manager around a training script.

    Within it, every question to every model of the program, in its threads and forked
    processes too, is written down before it is sent, and every answer before it is used.
    When the script has been stopped, by ``kill -9`` or otherwise, and is run again, what
    was answered is not asked again, and the script comes to the same parameters. A run that
    was finished is replayed without a network and without a key.

    `random`, and numpy where it is imported, begin from a seed that the run keeps. The clock,
    the order of sets and the speed of threads are the script's own affair. Questions that are
    equal are told apart by their order. Sent to another process, by pickle, it joins the run
    there: ``with run:``.

    Attributes:
        name: the name.
        attempt: how many times the script has been begun, this time included.
        asked: how many questions went to a model this time.
        recalled: how many were answered from the record.
        steps: how many steps of optimizers are done.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        *,
        fork: str | None,
        step: int | None,
        seed: int | None,
        replay: bool,
        budget: Budget | None,
        prices: Mapping[str, Price] | None,
        longest: int | None,
    ) -> None:
        self.name = name
        self.journal = journal
        self.attempt = 0
        self.asked = self.recalled = self.steps = 0
        self._fork, self._step, self._seed = fork, step, seed
        self._replay = replay
        self._budget = budget
        self._terms: dict[str, Any] = {"prices": prices, "longest": longest}
        self._pid = 0
        self._joins = self._wanders = False
        self._start()

    def _start(self) -> None:
        self._owner, self._within, self._lock = Owner(), ExitStack(), Lock()

    def __enter__(self) -> Self:
        if self._pid == os.getpid():
            raise StoreError(f"the run {self.name!r} is entered already; a run is entered once")
        if self._joins:
            self._lineage = Lineage.of(self.journal, self.name)
            self._within.enter_context(around(self, alone=True))
            return self
        self._take()
        try:
            self._begin()
        except BaseException:
            self._within.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._pid == os.getpid():
                how = {"how": _how(error), "attempt": self.attempt, "steps": self.steps}
                if how["how"] != "finished":
                    how |= {"error": type(error).__name__, "message": str(error)}
                self.journal.append("run", how, key="end", run=self.name)
        finally:
            self._within.close()
            self._pid = 0

    def __call__(self, llm: LLM, request: Request, ask: Ask) -> Reply:
        """Answer a question of the program, from the record or by asking; see `Around`."""
        question = key_in_run(request, llm)
        key = f"{question}#{self._numbers.next(question)}"
        known = self._lineage.answer(key, request)
        if known is not None:
            self._count("recalled")
            return self._recall(llm, request, known)
        if self._replay:
            raise ModelMissing(
                f"the run {self.name!r} holds no answer to the request {request.digest[:12]} "
                f"({str(list(request.messages))[:120]}...): the program does not ask what it "
                f"asked when it was recorded; leave out replay=True to ask the model"
            )
        self._renew()
        self._count("asked")
        return exchange(self.journal, ask, request, key=key, run=self.name, source=llm)

    def layer(self, llm: LLM) -> LLM:
        """The model within the budget of the run, see `opto.llm.around.around`."""
        if self._budget is None:
            return llm
        # lazy: counting tokens and money is for runs with a budget
        from opto.llm.budgeted import Budgeted

        return Budgeted(llm, self._budget, **self._terms)

    def told(self, what: str, fact: Any) -> None:
        """Write down what the program did, see `opto.llm.around.tell`."""
        if what != "step":
            return
        step = self._numbers.next("step") + 1
        self.steps = max(self.steps, step)
        self._write(entries_of(fact, step, self.name))

    def note(self, data: Any, key: str) -> None:
        """Write an evaluation down: how a candidate did; once, however often the script runs.

        Args:
            data: a plain value, such as ``{"score": 0.5}``.
            key: what was evaluated on what.
        """
        self._write([Entry("evaluation", data, key, self.name)])

    def _write(self, entries: list[Entry]) -> None:
        """Write entries down, unless the last of them, which tells of all, is there already."""
        told = entries[-1]
        before = self.journal.last(told.kind, told.key, run=self.name)
        if before is not None and tells_the_same(before, told):
            return
        if before is not None and not self._wanders:
            self._wanders = True
            self._warn(told)
        self.journal.extend(entries)

    def _take(self) -> None:
        claim = self._claim()
        if not self.journal.claim(claim, LEASE):
            raise StoreError(
                f"the run {self.name!r} is under way, here or in another process; wait for it or "
                f"stop it. A second run beside it needs a name of its own, as in "
                f"opto.run('{self.name}-2', fork={self.name!r})"
            )
        self._within.callback(self.journal.release, claim)
        self._pid = os.getpid()
        self._renewed = monotonic()

    def _begin(self) -> None:
        last = self.journal.last("run", "begin", run=self.name)
        self._check(last)
        begun: dict[str, Any] = dict(last.data) if last else self._first()
        self.attempt = begun["attempt"] = begun["attempt"] + 1
        self.steps = self.asked = self.recalled = 0
        self._wanders = False
        self.journal.append("run", begun, key="begin", run=self.name)
        self._lineage = Lineage.of(self.journal, self.name)
        self._numbers = Numbers(self.journal, f"{self.name}/{self.attempt}")
        self._within.enter_context(same_chance(begun["seed"]))
        self._within.enter_context(around(self, alone=True))

    def _first(self) -> dict[str, Any]:
        if self._fork is None:
            seed = fresh_seed() if self._seed is None else self._seed
            return {"attempt": 0, "seed": seed, "fork": None, "of": None}
        parent: Any = self.journal.find("run", "begin", run=self._fork)
        cut = Lineage.of(self.journal, self._fork).cut(self._step)
        seed = parent.data["seed"]
        return {"attempt": 0, "seed": seed, "fork": list(cut), "of": [self._fork, self._step]}

    def _check(self, begun: Event | None) -> None:
        if self._replay and begun is None:
            raise StoreError(f"there is no run {self.name!r} to replay in {self.journal!r}")
        if self._fork is None and self._step is not None:
            raise ArgumentError("step= says where to fork; give fork= as well")
        if begun is None or self._fork is None:
            return
        if begun.data["of"] != [self._fork, self._step]:
            raise StoreError(
                f"the run {self.name!r} is there already, and is no fork of {self._fork!r} at "
                f"that place; give the new run another name"
            )

    def _recall(self, llm: LLM, request: Request, reply: Reply) -> Reply:
        """The reply, after all budgets have learnt what it cost when it was given."""
        if not reply.recalled:
            for layer in layers(self.layer(llm)):
                if hasattr(layer, "recall"):
                    layer.recall(request, reply)
        return replace(reply, recalled=True)

    def _renew(self) -> None:
        if self._pid == os.getpid() and monotonic() - self._renewed > RENEWED:
            self._renewed = monotonic()
            self.journal.claim(self._claim(), LEASE)

    def _claim(self) -> Claim:
        return Claim(f"run/{self.name}", self._owner.name)

    def _warn(self, told: Entry) -> None:
        # lazy: nothing that a program which repeats itself needs
        from logging import getLogger

        getLogger("opto.store").warning(
            "the run %r goes another way than before from %s %r on: something in the program "
            "does not repeat (time, a source of chance of its own, the order of threads)",
            self.name,
            told.kind,
            told.key,
        )

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)

    def __getstate__(self) -> dict[str, Any]:
        # What goes to another process joins the run there, if it has begun here.
        here = {"_within", "_lineage", "_owner", "_lock"}
        kept = {name: value for name, value in vars(self).items() if name not in here}
        return {**kept, "_pid": 0, "_joins": self._pid != 0 or self._joins}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def __repr__(self) -> str:
        return f"<run {self.name!r} in {self.journal!r}, attempt {self.attempt}>"


def run(
    name: str,
    *,
    journal: Journal | str | PathLike[str] | None = None,
    fork: str | None = None,
    step: int | None = None,
    seed: int | None = None,
    replay: bool = False,
    budget: Budget | None = None,
    prices: Mapping[str, Price] | None = None,
    longest: int | None = None,
) -> Run:
    """A run of that name, begun or resumed: a context manager around a training script.

    See `Run` for what it does. The script must ask the same when it is told the same.

    Args:
        name: the name. Another name is another run.
        journal: the journal, or its path; None for the default one, see `open_journal`.
        fork: the run whose history this new one has in common; that one stays as it is.
        step: how many steps of optimizers they have in common; None for all there are.
        seed: where `random` and numpy begin in a new run that is no fork; None for anywhere.
        replay: ask no model, and refuse what is not in the record.
        budget: what all questions of the run may cost together; what was spent before the
            script was stopped is counted.
        prices: your prices by the name of the model, see `Budgeted`.
        longest: tokens of the longest answer for requests that say none, see `Budgeted`.

    Raises:
        StoreError: the run is under way already, or the journal cannot be used.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.llm import ScriptedLLM
        >>> place, model = mkdtemp() + "/journal.sqlite", ScriptedLLM(["Hello", "Hi"])
        >>> with run("greeting", journal=place):
        ...     model("Greet me.").text, model("Greet me.").text
        ('Hello', 'Hi')
        >>> with run("greeting", journal=place) as again:
        ...     model("Greet me.").text, model("Greet me.").text
        ('Hello', 'Hi')
        >>> again.asked, again.recalled
        (0, 2)
        >>> again.journal.close()

    Source: issue 4, point 4.
    """
    if not name or not isinstance(name, str):
        raise ArgumentError(f"a run needs a name, such as opto.run('greeting'), not {name!r}")
    return Run(
        name,
        open_journal(journal),
        fork=fork,
        step=step,
        seed=seed,
        replay=replay,
        budget=budget,
        prices=prices,
        longest=longest,
    )


def _how(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "finished"
    return "failed" if isinstance(error, Exception) else "interrupted"
