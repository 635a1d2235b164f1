"""What runs tasks: the interface of engines, and the one that is built in, CPython's own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from opto._plugs import plug
from opto.errors import SandboxError, SandboxUnavailable
from opto.sandbox.channel import Lost
from opto.sandbox.host import Conversation
from opto.sandbox.outcome import Outcome
from opto.sandbox.pool import Pool
from opto.sandbox.probe import probe, without
from opto.sandbox.sending import MOST_TEXT, Sender, with_numpy
from opto.sandbox.starting import Kind
from opto.sandbox.wire import TooLarge, Unsendable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opto.sandbox.policy import Policy
    from opto.sandbox.pool import Zygote
    from opto.sandbox.report import Report
    from opto.sandbox.sending import Sent
    from opto.sandbox.spawned import Spawning
    from opto.sandbox.task import Task

__all__ = ["CPython", "Engine", "asked_here", "engine_for", "sent_or_refused"]

ATTEMPTS = 2


class Engine(Protocol):
    """What runs tasks within walls of its own: another process, a virtual machine, a service."""

    def start(self, policy: Policy) -> Report:
        """Be ready for calls under a policy, and say what holds.

        Raises:
            SandboxUnavailable: the level of the policy cannot be held here.
        """

    def call(self, task: Task, policy: Policy) -> Outcome:
        """Run a task to its end, in whatever way it ends.

        Raises:
            SandboxUnavailable: the level of the policy cannot be held here.
        """

    async def call_async(self, task: Task, policy: Policy) -> Outcome:
        """The same without keeping the event loop waiting."""

    def stop(self) -> None:
        """Give back what is held; the next call takes it anew."""


class CPython:
    """This very Python, in a fresh process for every call.

    A worker is started once for each kind of walls: a clean process, without anything of this
    one in it. It is forked for each call, and the child is killed when its time is over. All
    methods may be called from many threads at once, and in forks of this process.

    Chance begins anew in each call, with `Policy.seed`, what the call is, and how often this
    very call was made before: the same program draws the same numbers in every run, and two
    equal calls draw different ones.

    Without `os.fork` (Windows) each call starts a worker of its own; nobody has tried that there.

    Args:
        pool: where its workers come from.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool, self._sender = pool or Pool(), Sender()

    def start(self, policy: Policy) -> Report:
        """Start the worker that calls under a policy will need.

        Raises:
            SandboxUnavailable: the level cannot be held here, or a module of
                `Policy.preload` cannot be imported.
        """
        _refuse_none(policy)
        report = probe(policy.level)  # type: ignore[arg-type] # `none` is refused above
        with self._worker(_kind(policy, report.level, policy.preload)):
            return report

    def call(self, task: Task, policy: Policy) -> Outcome:
        """Run a task; host functions are called in this thread.

        Raises:
            SandboxUnavailable: the level cannot be held here.
        """
        return self._called(task, policy, asked_here)

    async def call_async(self, task: Task, policy: Policy) -> Outcome:
        """Run a task; host functions are called, and awaited, in the calling task.

        Raises:
            SandboxUnavailable: the level cannot be held here.
        """
        # lazy: it needs asyncio, which takes 0.05 s and is there where this is called.
        from opto.sandbox.aside import Aside

        aside = Aside(policy.total)
        return await aside.run(lambda: self._called(task, policy, aside.ask, aside.holding))

    def stop(self) -> None:
        """End the workers."""
        self._pool.stop()

    @property
    def at_rest(self) -> dict[int, int]:
        """The numbers of the workers, and how many processes come from each between calls."""
        return self._pool.at_rest

    def _called(
        self,
        task: Task,
        policy: Policy,
        ask: Callable[..., Any],
        holding: Callable[[Conversation], None] = lambda _: None,
    ) -> Outcome:
        _refuse_none(policy)
        level = probe(policy.level).level  # type: ignore[arg-type] # `none` is refused above
        sent = sent_or_refused(self._sender, task, policy, level)
        if isinstance(sent, Outcome):
            return sent
        return self._attempted(sent, task, policy, level, ask, holding)

    def _attempted(
        self,
        sent: Sent,
        task: Task,
        policy: Policy,
        level: str,
        ask: Callable[..., Any],
        holding: Callable[[Conversation], None],
    ) -> Outcome:
        """Run it, and run it once more if the worker is gone: that is not the code's fault."""
        kind = _kind(policy, level, with_numpy(task, policy))
        lost = Lost()
        for _ in range(ATTEMPTS):
            with self._worker(kind) as worker:
                try:
                    channel = worker.fork()
                    conversation = Conversation(
                        channel, sent.frames, task, policy, sent.granted, ask, level
                    )
                    holding(conversation)
                    return conversation.held()
                except Lost as error:
                    self._pool.replace(worker)
                    lost = error
            if lost.calls:
                # What the host did for it cannot be undone, and must not be done twice.
                break
        if lost.began:
            return Outcome(
                "died", message="ended, and its worker with it", level=level, host_calls=lost.calls
            )
        raise SandboxUnavailable(f"workers start, and cannot run anything: {lost}")

    @contextmanager
    def _worker(self, kind: Kind) -> Iterator[Zygote | Spawning]:
        worker = self._pool.taken(kind)
        try:
            yield worker
        finally:
            self._pool.given_back(kind)


def _kind(policy: Policy, level: str, preload: tuple[str, ...]) -> Kind:
    # What a relative path means now: a worker from before may have been given another folder.
    read = tuple(map(os.path.realpath, policy.read))
    return Kind(level, policy.memory_bytes, read, preload, without())


def sent_or_refused(sender: Sender, task: Task, policy: Policy, level: str) -> Sent | Outcome:
    """The bytes of a task; or how its call ends, if it does not go in."""
    try:
        sent = sender.sent(task, policy)
    except TooLarge as error:
        return Outcome("limit", message=f"is called with too much: {error}", level=level)
    except Unsendable as error:
        return Outcome("refused", message=f"is called with {error}", level=level)
    if len(task.text) > MOST_TEXT:
        words = f"is {len(task.text)} characters long; at most {MOST_TEXT} are run"
        return Outcome("refused", message=words, level=level)
    return sent


def asked_here(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a host function in this thread, and wait for it if it is asynchronous."""
    value = function(*args, **kwargs)
    if type(value) is CoroutineType:
        # lazy: it needs asyncio, which takes 0.05 s; whoever has coroutines has it.
        from opto.sandbox.aside import waited_for

        return waited_for(value)
    return value


def _refuse_none(policy: Policy) -> None:
    if policy.level == "none":
        raise SandboxError('level "none" runs code in this process: it needs no engine')


def engine_for(policy: Policy) -> Engine:
    """What runs the calls under a policy: one for the process, so that all share its workers.

    Raises:
        SandboxError: its level is ``"none"``.
        PlugError: nobody registered an engine of that name.
    """
    _refuse_none(policy)
    return _engine(policy.engine)


@cache
def _engine(name: str) -> Engine:
    made: Engine = plug(f"engine.{name}")()
    return made
