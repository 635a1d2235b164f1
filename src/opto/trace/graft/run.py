"""The other side of a call that runs elsewhere: read it, and run it."""

from __future__ import annotations

import inspect
import os
import sys

# Not from `threading`, which takes 2 ms to import.
from _thread import RLock
from contextlib import nullcontext, suppress
from contextvars import copy_context
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError, TraceError
from opto.trace.graft.addresses import SELF, Finder
from opto.trace.graft.reply import Packing
from opto.trace.graft.wire import Reader, arrives, reason, same
from opto.trace.nodes import derive
from opto.trace.order import ancestors
from opto.trace.registry import SERIALS
from opto.trace.table import Operation
from opto.trace.tape import EXTERNAL, INTERPRETER, READS, RECORDER, UNTRACED, scoped, switched

if TYPE_CHECKING:
    from opto.trace.graft.addresses import Address
    from opto.trace.graft.reply import Reply

__all__ = ["Setting", "perform", "process"]

# A process that was forked has the same bytes and another number; another machine, other bytes.
_BORN = os.urandom(8)


def process() -> tuple[int, bytes]:
    """What tells this process from all others."""
    return os.getpid(), _BORN


@dataclass(frozen=True, slots=True)
class Setting:
    """What a flow of control had set when it sent a call.

    Attributes:
        name: the function, for messages.
        process: where the call comes from.
        scope: what names begin with.
        recording: whether operations are recorded.
        external: whether functions may use nodes that they were not given.
        watched: whether a bundled function is running, which must know what is read.
    """

    name: str
    process: tuple[int, bytes]
    scope: str
    recording: bool
    external: bool | None
    watched: bool


def perform(payload: bytes) -> Reply:
    """Run a call that was sent, here.

    Args:
        payload: of a `Call`. Reading it can run code: take it from your own programs only.

    Raises:
        TraceError: it cannot be read here, or what was returned cannot be sent back.
        Exception: whatever the function raises, but for failed operations: those are
            told in the reply.
    """
    return copy_context().run(_perform, payload)


def _perform(payload: bytes) -> Reply:
    INTERPRETER.set(RECORDER)
    READS.set(None)
    EXTERNAL.set(None)
    UNTRACED.set(frozenset())
    sent = _Sent(payload)
    with _ONE_AT_A_TIME if sent.installs else nullcontext():
        sent.install()
        return sent.run()


# Values of another process's parameters are put into those here, for one call at a time.
_ONE_AT_A_TIME = RLock()


class _Sent:
    """A call that arrived."""

    def __init__(self, payload: bytes) -> None:
        self.nodes: dict[int, Any] = {}
        self._serials: dict[int, int] = {}
        reader = Reader(payload, self._node_at)
        try:
            self.setting: Setting = reader.load()
            count, names = reader.load()
            self.function, *given = [reader.load() for _ in range(1 + count + len(names))]
            self.args, self.kwargs = given[:count], dict(zip(names, given[count:], strict=True))
            self._read_values(reader)
            self.addresses: list[tuple[Address, int]] = reader.load()
        except Exception as error:
            raise TraceError(
                f"a call cannot be read in this process: {reason(error)}. Functions and classes "
                "travel by name: they must stand at the top of a module that this process can "
                "import too. What is defined in a notebook, in `python -c` or at a prompt is not "
                "there; move it to a file on the path of both"
            ) from error
        # Where the parameters stand that are used by name is the same here only by name,
        # but in the process that they come from, where they are what they were.
        self.installs = bool(self.addresses) and self.setting.process != process()
        self.known = {id(node): number for number, node in self.nodes.items()}

    def _node_at(
        self,
        number: int,
        serial: int,
        cls: type,
        base: str,
        index: int,
        op: Operation | None,
        *words: Any,
    ) -> Any:
        node = self.nodes[number] = derive(op or _GIVEN, base, (), None, cls)
        self._serials[number] = serial
        node._op, node._index = op, index
        if any(word not in (None, False) for word in words):
            more = node._more()
            more.description, more.constraint, more.trainable = words
        if node.kind == "parameter":
            node.projections = []
        return node

    def _read_values(self, reader: Reader) -> None:
        while (part := reader.load()) is not None:
            for node, value in zip(*part, strict=True):
                node._data = value

    def install(self) -> None:
        """Give the parameters that stand here the values that they have where the call was made."""
        finder = Finder()
        for address, number in self.addresses:
            if address.module not in sys.modules:
                with suppress(ImportError):
                    import_module(address.module)
            own = finder.node(address)
            if own is None:
                continue
            if not self.installs:
                # Where it was made: another may stand there since.
                if own._serial == self._serials[number]:
                    self.known[id(own)] = number
                continue
            if self.known.setdefault(id(own), number) != number:
                raise TraceError(
                    f"{address} and another name stand for one node in this process, and for two "
                    f"where {self.setting.name} was sent from; give them as arguments"
                )
            value = self.nodes[number]._data
            # The same text is not set again: the code of a function is compiled once. And an
            # object stays the one that stands here; what counts of it is its parameters.
            if address.inside[-1:] != (SELF,) and not same(own._data, value):
                own._data = value

    def run(self) -> Reply:
        """Run it as it would have run where it was sent from."""
        setting, reads = self.setting, list[Any]()
        INTERPRETER.set(scoped(setting.scope))
        INTERPRETER.set(switched(on=setting.recording))
        EXTERNAL.set(setting.external)
        READS.set(reads)
        start, modules = next(SERIALS), set(sys.modules)
        failed = False
        try:
            out = self.function(*self.args, **self.kwargs)
            if inspect.iscoroutine(out):
                # lazy: 60 ms to import, and needed only for asynchronous functions.
                import asyncio

                out = asyncio.run(out)
        except ExecutionError as error:
            cause = error.__cause__
            if cause is not None:
                # With the frames of this call, it would hold itself; they do not travel.
                cause = cause.with_traceback(None)
            out = error.exception_node, None if arrives(cause) else cause
            failed = True
        except Exception as error:
            if why := arrives(error):
                raise TraceError(
                    f"{setting.name} raised {reason(error)}, an error that cannot be sent: {why}"
                ) from None
            raise
        READS.set(None)
        packing = Packing(setting.name, self.known, len(self.nodes))
        packing.pack(out, [n for n in reads if n.kind == "parameter" and n._serial < start])
        strays = packing.strays(start, sys.modules.keys() - modules)
        used = [self.known[id(n)] for n in ancestors(*reads) if id(n) in self.known]
        return packing.reply(strays, used if setting.watched else (), failed=failed)


_GIVEN = Operation.of_words("node", (), "[node]")
