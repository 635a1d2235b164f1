"""One call, seen from the host: what the child says is read, answered, and not believed.

Every wait has an end. How a call ended is what is seen from here: the clock, the end of the
process as the worker reports it, the size of what came.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opto.errors import SandboxUnavailable
from opto.sandbox.channel import Lost
from opto.sandbox.ends import end_of
from opto.sandbox.outcome import Outcome, clean
from opto.sandbox.where import lines_of_dump, place
from opto.sandbox.wire import ARGUMENTS, Garbage, Limits, TooLarge, Unsendable, decode, pieces
from opto.sandbox.worker import frames
from opto.sandbox.worker.report import REPORT, WHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opto.sandbox.channel import Channel
    from opto.sandbox.policy import Policy
    from opto.sandbox.task import Task

__all__ = ["Conversation"]

# Seconds: until a child is ready to begin, until it says where it is, until it has ended.
BEGINNING, SAYING, ENDING = 30.0, 0.06, 0.2
MESSAGE, NAME = 4096, 200
SAID, MOST_SAID = 64 * 1024, 512 * 1024
LITTLE = 1 << 16
_ODD = re.compile(r"[^\w.<>]")
_IN, _OUT = selectors.EVENT_READ, selectors.EVENT_WRITE
# Without a descriptor of its own, where there is such a one.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Conversation:
    """One call from its first byte to its outcome.

    Args:
        channel: the ways to a fresh child.
        sent: the frames that tell it what to do.
        task: what they tell.
        policy: what it may do.
        granted: the host functions that it may call.
        ask: calls one of them, in the right thread.
        level: the wall that holds.
    """

    def __init__(
        self,
        channel: Channel,
        sent: Iterable[bytes],
        task: Task,
        policy: Policy,
        granted: Mapping[str, Callable[..., Any]],
        ask: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any],
        level: str,
    ) -> None:
        self.channel, self.task, self.policy, self.level = channel, task, policy, level
        self.granted, self.ask = granted, ask
        self.calls, self.hosted, self.abandoned = 0, 0.0, False
        self._out: deque[memoryview] = deque(memoryview(piece) for piece in sent)
        self._limits = Limits.of(policy.result)
        self._incoming = frames.Incoming(
            {
                frames.STARTED: 0,
                frames.CALL: policy.result,
                frames.VALUE: policy.result,
                **dict.fromkeys((frames.ERROR, frames.REFUSED, frames.BROKEN), SAID),
            }
        )
        self._printed = bytearray()
        self._report: bytes | None = None
        self._open = True
        self._began = self._now = time.monotonic()
        self._started = 0.0
        self._ready = False
        self._waiting = _Selector()
        self._waiting.register(channel.talk, _IN | _OUT, self._exchange)
        self._waiting.register(channel.printed, _IN, self._read_printed)
        self._waiting.register(channel.leash, _IN, self._read_report)

    def held(self) -> Outcome:
        """Talk until there is an outcome; the child does not outlive it.

        Raises:
            Lost: the worker is gone, or never began.
        """
        try:
            while True:
                outcome = self._turn()
                if outcome is not None:
                    return outcome
        finally:
            self._waiting.close()
            self.channel.close()

    def abandon(self) -> None:
        """From another thread: nobody waits for the outcome any more."""
        self.abandoned = True
        with suppress(OSError):
            self.channel.leash.shutdown(socket.SHUT_RDWR)

    def _turn(self) -> Outcome | None:
        left = self._left()
        for key, _ in self._waiting.select(max(0.0, left)):
            key.data()
        self._now = time.monotonic()
        outcome = self._listened()
        while outcome is None and self._report is not None and self._open:
            # The process has ended: what it said before is all there is.
            if not self._read():
                self._open = False
            outcome = self._listened()
        if outcome is not None:
            return outcome
        if not self._open:
            return self._gone()
        # What came in time counts, however late it is read.
        return self._late() if left <= 0 else None

    def _listened(self) -> Outcome | None:
        """Do what the words say that have come."""
        try:
            while (frame := self._incoming.next()) is not None:
                outcome = self._heard(*frame)
                if outcome is not None:
                    return outcome
        except frames.TooLong as error:
            done = "returned" if error.kind == frames.VALUE else "said"
            return self._ended("limit", message=f"{done} too much: {error}")
        except Garbage as error:
            return self._ended("garbage", message=f"gave no answer that can be read: {error}")
        return None

    def _left(self) -> float:
        """Seconds that it still has."""
        now = time.monotonic()
        if not self._ready:
            if now > self._began + BEGINNING:
                raise Lost("a child did not begin")
            return self._began + BEGINNING - now + 0.001
        own = self._started + self.hosted + self.policy.time
        return min(own, self._started + self.policy.total) - now

    # -------------------------------------------------------------- bytes
    def _exchange(self) -> None:
        talk, waits = self.channel.talk, bool(self._out)
        try:
            while self._out:
                left = self._out[0][talk.send(self._out[0]) :]
                if left:
                    self._out[0] = left
                else:
                    self._out.popleft()
        except BlockingIOError:
            pass
        except OSError:
            # It takes nothing any more; what it said before may still be there.
            self._out.clear()
        self._read()
        if waits and not self._out and self._open:
            self._waiting.modify(talk, _IN, self._exchange)

    def _read(self) -> bool:
        """Take what there is; whether there was something."""
        talk, space, many = self.channel.talk, self._incoming.space, 0
        try:
            if space is None:
                data = talk.recv(LITTLE)
                self._incoming.feed(data)
                many = len(data)
            else:
                many = talk.recv_into(space)
                self._incoming.took(many)
        except BlockingIOError:
            return False
        except OSError:
            pass
        if not many and self._open:
            self._open = False
            self._waiting.unregister(talk)
        return bool(many)

    def _say(self, kind: bytes, body: list[bytes]) -> None:
        self._out.extend(memoryview(piece) for piece in frames.framed(kind, body))
        self._waiting.modify(self.channel.talk, _IN | _OUT, self._exchange)

    def _read_printed(self) -> None:
        left = self.policy.output - len(self._printed)
        try:
            data = self.channel.printed.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._printed += data[: max(left, 0)]
        if not data or len(data) > left:
            # Whoever goes on writing past Python's own `print` is told that nobody reads.
            self._waiting.unregister(self.channel.printed)
            self.channel.printed.close()

    def _read_report(self) -> None:
        """The worker says that the child has ended, or is itself gone."""
        self._waiting.unregister(self.channel.leash)
        with suppress(OSError):
            self._report = self.channel.leash.recv(REPORT.size)

    # -------------------------------------------------------------- words
    def _heard(self, kind: bytes, body: bytes | bytearray) -> Outcome | None:
        if not self._ready:
            if kind == frames.BROKEN:
                said = decode(body, Limits.of(SAID))
                raise SandboxUnavailable(f"a wall does not stand in a child: {said}")
            if kind != frames.STARTED:
                raise Lost("a child began with something else")
            self._ready, self._started = True, self._now
            return None
        if kind == frames.VALUE:
            return self._returned(decode(body, self._limits))
        if kind == frames.CALL:
            return self._called(decode(body, self._limits))
        if kind == frames.ERROR:
            return self._raised(decode(body, Limits.of(SAID)))
        if kind == frames.REFUSED:
            return self._refused(decode(body, Limits.of(SAID)))
        raise Garbage("a word out of place")

    def _returned(self, said: Any) -> Outcome:
        if not (type(said) is tuple and len(said) == 2 and type(said[0]) is bool):
            raise Garbage("a result of the wrong form")
        return self._ended("ok", value=said[1], drawn=said[0])

    def _refused(self, said: Any) -> Outcome:
        form = type(said) is tuple and list(map(type, said)) == [str, str]
        if not form or said[0] not in {"refused", "limit"}:
            raise Garbage("a refusal of the wrong form")
        return self._ended(said[0], message=said[1])

    def _raised(self, said: Any) -> Outcome:
        form = {"error": str, "message": str, "lines": list, "memory": bool, "limit": bool}
        if type(said) is not dict or {name: type(part) for name, part in said.items()} != form:
            raise Garbage("an error of the wrong form")
        lines = self._there(n for n in said["lines"][-50:] if type(n) is int)
        if said["limit"]:
            return self._ended("limit", message=f"returned too much: {said['message']}")
        error, message = _ODD.sub("", said["error"])[:NAME] or "Exception", said["message"]
        if said["memory"]:
            where = f" at line {lines[-1]}" if lines else ""
            words = f"needed more memory than {self.policy.memory}{where}"
            return self._ended("memory", error=error, message=words, lines=lines)
        return self._ended("error", error=error, message=message, lines=lines)

    def _there(self, lines: Iterable[int]) -> tuple[int, ...]:
        last = self.task.text.count("\n") + 1
        return tuple(n for n in lines if 0 < n <= last)

    def _called(self, said: Any) -> Outcome | None:
        """Call a function of the host's; an outcome if that is not to be."""
        form = type(said) is tuple and list(map(type, said)) == [str, tuple, dict]
        if not form or any(type(name) is not str for name in said[2]):
            raise Garbage("a call of the wrong form")
        name, args, kwargs = said
        if self._out:
            # Answers that nobody reads would fill the host's memory.
            raise Garbage("a call before the answer to the last")
        if name not in self.granted:
            raise Garbage("a call of a function that was not granted")
        if self.calls >= self.policy.host_calls:
            most = self.policy.host_calls
            return self._ended("limit", message=f"called the host more often than {most} times")
        self.calls += 1
        began = time.monotonic()
        try:
            kind, value = frames.RESULT, self.ask(self.granted[name], args, kwargs)
        except Exception as error:  # noqa: BLE001 - the code learns its class, and no more
            kind, value = frames.FAILED, type(error).__name__
        finally:
            self.hosted += time.monotonic() - began
        try:
            self._say(kind, pieces(value, ARGUMENTS))
        except (Unsendable, TooLarge) as error:
            words = f"the host's function {name}() returned {error}; grant one that returns data"
            return self._ended("refused", message=words)
        return None

    # --------------------------------------------------------------- ends
    def _late(self) -> Outcome:
        """Its time is over: ask where it is, and stop it."""
        lines = self._there(lines_of_dump(self._where(), self.task.label))
        self._now = time.monotonic()
        spent = self._now - self._started
        if spent - self.hosted < self.policy.time:
            # The last of these functions may have taken longer than there was time.
            words = f"stopped after {max(spent, self.policy.total):.1f} s in all"
            words += f" ({self.policy.total:g} s were granted),"
            words += f" {self.hosted:.1f} s of them in functions of the host"
        else:
            words = f"stopped after {self.policy.time:g} s"
        words += place(self.task.text, lines)
        return self._ended("timeout", message=words, lines=lines)

    def _where(self) -> bytes:
        """What the child's interpreter says of where it is, if it still can."""
        talk, said = self.channel.talk, bytearray(self._incoming.rest)
        if not self._open:
            return b""
        with suppress(OSError):
            self.channel.leash.send(WHERE)
        until = time.monotonic() + SAYING
        with _Selector() as quiet:
            quiet.register(talk, _IN)
            while len(said) < MOST_SAID and (left := until - time.monotonic()) > 0:
                if not quiet.select(min(left, 0.005 if b"\n  File " in said else left)):
                    break
                with suppress(OSError):
                    if not (data := talk.recv(LITTLE)):
                        break
                    said += data
        return bytes(said)

    def _gone(self) -> Outcome:
        """It said its last, and that was no answer."""
        if self.abandoned:
            return self._ended("timeout", message="was stopped, as nobody waits for it")
        if self._report is None:
            self._await_report(ENDING)
        if self._report is None:
            words = "closed its connection without an answer"
            return self._ended("garbage", message=words)
        if len(self._report) < REPORT.size:
            raise Lost("the worker is gone", began=self._ready, calls=self.calls)
        if not self._ready:
            raise Lost("a child could not begin")
        status, message = end_of(self._report, self.policy.memory_bytes)
        return self._ended(status, message=message)

    def _await_report(self, seconds: float) -> None:
        with _Selector() as waiting, suppress(OSError):
            waiting.register(self.channel.leash, _IN)
            if waiting.select(seconds):
                self._report = self.channel.leash.recv(REPORT.size)

    def _ended(self, status: Any, *, message: str = "", **more: Any) -> Outcome:
        own = self._now - self._started - self.hosted if self._ready else 0.0
        if self.channel.printed.fileno() >= 0:
            self._read_printed()
        return Outcome(
            status,
            message=clean(message, MESSAGE),
            printed=clean(self._printed.decode(errors="replace"), self.policy.output),
            seconds=own,
            host_calls=self.calls,
            level=self.level,
            **more,
        )
