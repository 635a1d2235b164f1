"""Another wall: Monty, an interpreter of a part of Python that has no files and no network.

It is a process without Python in it, so that what is not there cannot be reached, on any
system. The price is the language: no packages, few modules of the standard library, no
generators of one's own, and methods that look at `self` are not run.
"""

from __future__ import annotations

import builtins
import math
import os
import re
import time
from dataclasses import replace
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any

from opto.errors import SandboxUnavailable
from opto.sandbox.engine import asked_here, sent_or_refused
from opto.sandbox.monty_standins import STANDINS, plain_of
from opto.sandbox.monty_tables import rebuilt, taking_apart
from opto.sandbox.outcome import Outcome, clean
from opto.sandbox.report import Report
from opto.sandbox.sending import Sender, is_async
from opto.sandbox.standing import ROOM
from opto.sandbox.where import place
from opto.sandbox.wire import Garbage, Limits, TooLarge, Unsendable, check, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.sandbox.outcome import Status
    from opto.sandbox.policy import Policy
    from opto.sandbox.sending import Sent
    from opto.sandbox.task import Task

__all__ = ["Monty"]

LEVEL = "isolated"
MESSAGE = 4096
# Seconds that Monty has to stop by itself before its process is killed.
GRACE = 0.05
# How Monty begins to say that a sleep would take too long: it is refused, not waited for.
NO_SLEEP = "sleep limit exceeded"
# What the call takes its arguments from, beside the names of the text.
ARGS, KWARGS = "__opto_args", "__opto_kwargs"


class Monty:
    """Foreign code in Monty, by ``Policy(engine="monty")`` and the extra ``monty``.

    Every call has a session of its own; its process goes back to a pool, and is replaced when
    it was killed. The level is ``isolated``, on every system.

    Raises:
        SandboxUnavailable: by its methods, where the package is not installed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # By the seconds after which a process is killed.
        self._pools: dict[float, Any] = {}
        self._sender = Sender()
        self._process = os.getpid()

    def start(self, policy: Policy) -> Report:
        """Start the process that calls under a policy will need.

        Raises:
            SandboxUnavailable: Monty is not installed, or does not start.
        """
        self._pool(policy)
        return Report(LEVEL, "Monty", str(_package().__version__), engine="monty")

    def call(self, task: Task, policy: Policy) -> Outcome:
        """Run a task; host functions are called in this thread.

        Raises:
            SandboxUnavailable: Monty is not installed, or does not start.
        """
        return self._called(task, policy, asked_here)

    async def call_async(self, task: Task, policy: Policy) -> Outcome:
        """Run a task; host functions are called, and awaited, in the calling task.

        Raises:
            SandboxUnavailable: Monty is not installed, or does not start.
        """
        # lazy: asyncio, which takes 0.05 s and is there where this is called.
        from opto.sandbox.aside import Aside

        aside = Aside(policy.total)
        return await aside.run(lambda: self._called(task, policy, aside.ask))

    def stop(self) -> None:
        """End the processes; the next call starts them anew."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values() if self._process == os.getpid() else ():
            pool.__exit__(None, None, None)

    def _called(self, task: Task, policy: Policy, ask: Callable[..., Any]) -> Outcome:
        sent = sent_or_refused(self._sender, task, policy, LEVEL)
        if isinstance(sent, Outcome):
            return sent
        if task.names.self_view is not None:
            words = "is a method, and Monty runs none: leave out engine='monty'"
            return Outcome("refused", message=words, level=LEVEL)
        return _Run(task, policy, ask, sent).within(self._pool(policy))

    def _pool(self, policy: Policy) -> Any:
        package, key = _package(), policy.total
        if self._process != os.getpid():
            # Its threads are not there, and what it waits for would never come.
            raise SandboxUnavailable(
                "Monty does not work in a fork of a process that has used it; start processes by "
                "multiprocessing's 'spawn', or take engine='cpython'"
            )
        with self._lock:
            if key not in self._pools:
                pool = package.Monty(
                    request_timeout=policy.total,
                    feed_duration_limit_grace=GRACE,
                    turn_duration_limit_grace=GRACE,
                )
                try:
                    self._pools[key] = pool.__enter__()
                except Exception as error:
                    raise SandboxUnavailable(f"Monty does not start: {error}") from error
            return self._pools[key]


class _Run:
    """One call from its beginning to its outcome."""

    def __init__(self, task: Task, policy: Policy, ask: Callable[..., Any], sent: Sent) -> None:
        self.task, self.policy, self.ask, self.sent = task, policy, ask, sent
        self.began = time.monotonic()
        self.hosted, self.calls, self.over = 0.0, 0, ""
        self.printed: list[str] = []
        self.left = policy.output

    def within(self, pool: Any) -> Outcome:
        """Run it in a process of a pool."""
        package, policy = _package(), self.policy
        limits = {
            "max_feed_duration_secs": policy.time,
            "max_memory": policy.memory_bytes,
            "max_suspensions": policy.host_calls + 1000,
            "max_total_sleep_secs": policy.time,
        }
        chance = {"seed": self.sent.chance}
        system = {"sleep_system_max": math.inf, "random_start": chance}
        try:
            with pool.checkout(
                script_name=self.task.label, limits=limits, os_policy=system
            ) as session:
                return self._returned(self._fed(session))
        except package.MontyCrashedError as error:
            late = getattr(error, "timed_out", False) or self._late()
            words = self._stopped() if late else "ended its process, as by using up its memory"
            return self._ended("timeout" if late else "died", words)
        except (package.MontySyntaxError, package.MontyRuntimeError) as error:
            return self._raised(error.exception(), self._lines(error.traceback()))
        except package.MontyError as error:
            return self._ended("refused", f"is called with what Monty does not take: {error}")

    def _fed(self, session: Any) -> Any:
        task, names = self.task, self.task.names
        # Names that the code cannot guess, for what must be as we left it.
        apart, called = (f"_{token_hex(8)}" for _ in range(2))
        hosted = self.sent.granted.items()
        how = {
            "external_lookup": {called + name: self._granted(name, f) for name, f in hosted},
            "print_callback": self._print,
        }
        awaits = re.search(rf"^\s*async\s+def\s+{re.escape(task.name)}\b", task.text, re.MULTILINE)
        before = [
            taking_apart(apart),
            *(_hosted(n, called + n, apart, bool(awaits) and is_async(f)) for n, f in hosted),
            *map(_imported, names.modules.items()),
            *(STANDINS if name == ROOM else text for name, text in names.sources.items()),
        ]
        session.feed_run("\n".join(before), inputs=dict(names.values), **how)
        session.feed_run(task.text, **how)
        call = f"{'await ' if awaits else ''}{task.name}(*{ARGS}, **{KWARGS})"
        call = f"{apart}({plain_of(call) if ROOM in names.sources else call})"
        given = {ARGS: task.args, KWARGS: dict(task.kwargs)}
        return session.feed_run(call, inputs=given, **how)

    def _print(self, _: str, text: str) -> None:
        kept = text[: max(self.left, 0)]
        self.left -= len(kept)
        self.printed.append(kept)

    def _granted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """What the code calls by this name: it learns of a failure its class, and no more."""

        def call(apart: Any) -> Any:
            if self.calls >= self.policy.host_calls:
                most = self.policy.host_calls
                self.over = f"called the host more often than {most} times"
                raise RuntimeError(self.over)
            self.calls += 1
            args, kwargs = rebuilt(apart)
            check((args, kwargs))
            began = time.monotonic()
            try:
                value = self.ask(function, args, kwargs)
            except Exception as error:  # noqa: BLE001 - its words may hold what is not the code's
                kind = getattr(builtins, type(error).__name__, RuntimeError)
                said = f"{name}() failed in the host: {type(error).__name__}"
                raise kind(said) from None
            finally:
                self.hosted += time.monotonic() - began
            check(value)
            return value

        return call

    def _returned(self, apart: Any) -> Outcome:
        try:
            value = rebuilt(apart)
            decode(encode(value, limits := Limits.of(self.policy.result)), limits)
        except Unsendable as error:
            return self._ended("refused", f"returned {error}")
        except TooLarge as error:
            return self._ended("limit", f"returned too much: {error}")
        except Garbage as error:
            return self._ended("garbage", f"gave no answer that can be read: {error}")
        return self._ended("ok", value=value)

    def _raised(self, error: BaseException, lines: tuple[int, ...]) -> Outcome:
        sleeps = str(error).startswith(NO_SLEEP)
        if isinstance(error, TimeoutError) and (sleeps or self._late()):
            stopped = f"stopped as it was to sleep beyond {self.policy.time:g} s"
            words = (stopped if sleeps else self._stopped()) + place(self.task.text, lines)
            return self._ended("timeout", words, lines=lines)
        name, message = type(error).__name__, str(error)
        if isinstance(error, MemoryError):
            where = f" at line {lines[-1]}" if lines else ""
            message = f"needed more memory than {self.policy.memory}{where}"
            return self._ended("memory", message, error=name, lines=lines)
        return self._ended("error", message, error=name, lines=lines)

    def _lines(self, frames: list[Any]) -> tuple[int, ...]:
        last = self.task.text.count("\n") + 1
        inner = [f.line for f in frames if f.function_name not in {None, "<module>"}]
        found = inner or [f.line for f in frames]
        return tuple(line for line in found[-50:] if 0 < line <= last)

    def _late(self) -> bool:
        spent = time.monotonic() - self.began
        return spent - self.hosted >= self.policy.time or spent >= self.policy.total

    def _stopped(self) -> str:
        own = time.monotonic() - self.began - self.hosted
        if own < self.policy.time:
            return f"stopped after {self.policy.total:g} s in all"
        return f"stopped after {self.policy.time:g} s"

    def _ended(self, status: Status, message: str = "", **more: Any) -> Outcome:
        own = time.monotonic() - self.began - self.hosted
        outcome = Outcome(status, message=clean(message, MESSAGE), level=LEVEL, **more)
        if self.over and status in {"ok", "error"}:  # the code may have caught what it was told
            outcome = Outcome("limit", message=self.over, level=LEVEL)
        printed = clean("".join(self.printed), self.policy.output)
        return replace(outcome, printed=printed, seconds=own, host_calls=self.calls)


def _hosted(name: str, called: str, apart: str, awaited: bool) -> str:
    head = f"{'async ' if awaited else ''}def {name}(*args, **kwargs):\n"
    return f"{head}    return {called}({apart}((args, kwargs)))"


def _imported(named: tuple[str, str]) -> str:
    alias, (module, _, attribute) = named[0], named[1].partition(":")
    if attribute:
        return f"from {module} import {attribute} as {alias}"
    return f"import {module}" if module == alias else f"import {module} as {alias}"


def _package() -> Any:
    try:
        import pydantic_monty  # lazy: an optional package
    except ImportError as cause:
        raise SandboxUnavailable(
            'engine="monty" needs the package pydantic-monty: pip install "trace-opt[monty]"'
        ) from cause
    return pydantic_monty
