"""This side of a call that runs elsewhere: send it, and make nodes of the reply."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from opto.errors import ExecutionError, TraceError, TraceMissingInputsError
from opto.trace.bundle import FunModule
from opto.trace.graft.addresses import Address, Finder, standing, used_by
from opto.trace.graft.grow import grow, told
from opto.trace.graft.run import Setting, perform, process
from opto.trace.graft.wire import Reader, Writer, reason, same, travels
from opto.trace.tape import EXTERNAL, INTERPRETER, READS, RECORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.trace.graft.reply import Reply, Stray
    from opto.trace.table import Operation

__all__ = ["Call", "Executor", "submit"]


class Executor(Protocol):
    """Whatever has a `submit` as that of `concurrent.futures`."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Run `fn` somewhere and give a future of its result."""


def submit(
    executor: Executor, function: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Future[Any]:
    """Run ``function(*args, **kwargs)`` in an executor, as a part of the graph here.

    Args:
        executor: a `ProcessPoolExecutor`, or anything with a `submit` of its form.
        function: one that the other side can import by name, a bundled function, a module
            or a method of one; coroutine functions are run to their end.
        args: nodes, parameters, modules, plain values, or containers of them.
        kwargs: the same, by keyword.

    Returns:
        A future of what the function returns: a node, or what has nodes in it. An
        `ExecutionError` there is one here, with its exception node; other exceptions are
        those of the executor.

    Raises:
        TraceError: the function or an argument cannot be sent.

    Example:
        >>> import operator
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from opto.trace import node
        >>> x = node(3, name="x", trainable=True)
        >>> with ThreadPoolExecutor() as pool:
        ...     y = submit(pool, operator.mul, x, 2).result()
        >>> y.backward("too small")
        >>> y.data, y.op_name, y.parents[0] is x, len(x.feedback)
        (6, 'multiply', True, 1)
    """
    call = Call(function, *args, **kwargs)
    there = executor.submit(perform, call.payload)
    here = _Grafted(there)
    there.add_done_callback(partial(_settle, here, call))
    return here


class _Grafted(Future[Any]):
    """The future of a node here, of one of a reply from there."""

    def __init__(self, there: Any) -> None:
        super().__init__()
        self.there = there

    def cancel(self) -> bool:
        """Stop it if it has not begun."""
        there = self.there
        return bool(there is not None and there.cancel() and self.cancelled())

    def running(self) -> bool:
        """Whether it has begun and is not done."""
        there = self.there
        return bool(there is not None and there.running())


def _settle(here: _Grafted, call: Call, there: Any) -> None:
    # It holds `here` by this callback: two that hold one another wait for the collector.
    here.there = None
    if there.cancelled():
        Future.cancel(here)
    if not here.set_running_or_notify_cancel():
        return
    error, result = there.exception(), None
    if error is None:
        try:
            result = call.result(there.result())
        except BaseException as own:  # noqa: BLE001 - all of them are the future's to raise
            # With the frames of this call, the error would hold the future that holds it.
            error = own.with_traceback(None)
    if error is None:
        here.set_result(result)
    else:
        here.set_exception(error)


class Call:
    """A call to be run elsewhere, and the nodes here that it is about.

    Args:
        function: what is called there.
        args: its arguments.
        kwargs: its arguments by keyword.

    Attributes:
        payload: what `perform` takes.

    Raises:
        TraceError: the function or an argument cannot be sent.

    Example:
        >>> from opto.trace import node
        >>> x = node("no", trainable=True)
        >>> call = Call(str.upper, x.data)
        >>> call.result(perform(call.payload))
        'NO'
    """

    def __init__(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        self._name = str(getattr(function, "__qualname__", type(function).__qualname__))
        self._nodes: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._ops: dict[int, Operation] = {}
        self._reads = READS.get()
        self.payload: bytes = self._packed(function, args, kwargs)

    def _packed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        writer, present = Writer(self._told), INTERPRETER.get()
        writer.dump(
            Setting(
                name=self._name,
                process=process(),
                scope=present.scope,
                recording=present.recording,
                external=EXTERNAL.get(),
                watched=self._reads is not None,
            )
        )
        writer.dump((len(args), tuple(kwargs)))
        self._write(writer, function, "the function")
        for index, arg in enumerate(args):
            self._write(writer, arg, f"argument {index}")
        for name, arg in kwargs.items():
            self._write(writer, arg, f"the argument {name!r}")
        addresses: list[tuple[Address, int]] = []
        seen: set[int] = set()
        done = 0
        while done < len(self._nodes) or writer.met:
            values = self._nodes[done:]
            self._write_values(writer, values)
            done += len(values)
            met, writer.met = writer.met, []
            for address, node in used_by(met, seen):
                # What cannot be sent may not be needed; where it is, the reply will say so.
                if id(node) in self._numbers or travels(node._data) is None:
                    addresses.append((address, self._told(node)[0]))
        writer.dump(None)
        writer.dump(addresses)
        return writer.written()

    def _told(self, node: Any) -> tuple[Any, ...]:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = len(self._nodes)
            self._nodes.append(node)
        op, more = node._op, node._extras
        if op is not None:
            op = self._ops.setdefault(id(op), op.told())
        words = (more.description, more.constraint, more.trainable)
        return (number, node._serial, type(node), node._base, node._index, op, *words)

    def _write(self, writer: Writer, value: Any, what: str) -> None:
        try:
            writer.dump(value)
        except Exception as error:
            raise TraceError(
                f"{what} of {self._name} cannot be sent to another process: {reason(error)}. "
                "Functions and classes travel by name: define them at the top of a module that "
                "the other process can import (no lambda, nothing inside a function); open files, "
                "locks and connections there"
            ) from error

    def _write_values(self, writer: Writer, nodes: list[Any]) -> None:
        try:
            # The nodes too: some were not met in the arguments, but are used by name.
            writer.dump((nodes, [node._data for node in nodes]))
        except Exception:
            for node in nodes:
                if travels(node._data):
                    self._write(writer, node._data, f"the value of {node.name}, which is needed")
            raise

    # -- and back ------------------------------------------------------------------------

    def result(self, reply: Reply) -> Any:
        """What the call gave, with a node here for each node that was made there.

        Args:
            reply: what `perform` gave for the payload. Reading it can run code.

        Raises:
            ExecutionError: an operation failed there; its exception node is here.
            TraceMissingInputsError: a parameter was used there that is none of ours.
            TraceError: a value that came cannot be read here.
        """
        out = copy_context().run(self._result, reply)
        if self._reads is not None:
            self._reads += [self._nodes[number] for number in reply.used]
        if reply.failed:
            node, cause = out
            raise ExecutionError(node) from cause
        return out

    def _result(self, reply: Reply) -> Any:
        INTERPRETER.set(RECORDER)
        READS.set(None)
        at = dict(enumerate(self._nodes))
        at.update((stray.number, self._own(stray)) for stray in reply.strays)
        grow(reply.records, at, _Known(reply).operation)
        reader = Reader(reply.body, lambda number: at[number])
        values: list[Any] = []
        notes: dict[int, Any] = {}
        try:
            out = reader.load()
            while len(values) < reply.count:
                values += reader.load()
                notes.update(reader.load())
        except Exception as error:
            raise TraceError(
                f"what came back from {self._name} cannot be read here: {reason(error)}"
            ) from error
        first = len(self._nodes)
        for stray in reply.strays:
            if not same(at[stray.number]._data, values[stray.number - first]):
                raise self._lost(stray)
        for record in reply.records:
            at[record.number]._data = values[record.number - first]
        for number, note in notes.items():
            changed, info, made, text = note
            _note(at[number], changed, info, text, made=made)
        return out

    def _own(self, stray: Stray) -> Any:
        if stray.address is None:
            raise self._lost(stray)
        # Where nobody has imported it here, nobody has changed it here.
        with suppress(ImportError):
            import_module(stray.address.module)
        own = Finder().node(stray.address)
        if own is None:
            raise self._lost(stray)
        return own

    def _lost(self, stray: Stray) -> TraceMissingInputsError:
        where = stray.name if stray.address is None else f"{stray.name} ({stray.address})"
        return TraceMissingInputsError(
            f"{self._name} used the parameter {where} of the other process, which was not sent, "
            "so it had the value that it was made with there and not its value here. Give it to "
            f"{self._name} as an argument, or in a module that is an argument"
        )


class _Known:
    """The operations of a reply, as they are here."""

    def __init__(self, reply: Reply) -> None:
        self._facts = {id(op): facts for op, facts in reply.facts}
        self._ops: dict[int, Operation] = {}

    def operation(self, op: Operation) -> Operation:
        """The operation for one that was told."""
        known = self._ops.get(id(op))
        if known is None:
            facts = self._facts.get(id(op))
            known = replace(op, info_of=partial(_info_of, facts)) if facts else told(op)
            self._ops[id(op)] = known
        return known


def _info_of(facts: dict[str, Any], node: Any) -> dict[str, Any]:
    """The `info` of the result of a bundled function that ran elsewhere."""
    known = {key: value for key, value in facts.items() if key not in ("arity", "module")}
    values, keys = [n._data for n in node._args], tuple(node.inputs)
    trained = "_fun_name" in facts
    split, last = node._extras.positional, len(keys) - trained
    split = facts["arity"] if split < 0 else split
    own = standing(facts["module"], facts["fun_name"].split("."))
    return {
        "fun": own._original if isinstance(own, FunModule) else own,
        **known,
        **({"fun_name": "eval"} if trained else {}),
        "inputs": {
            "args": values[:split],
            "kwargs": dict(zip(keys[split:last], values[split:last])),  # noqa: B905
        },
        "output": node._data,
        "external_dependencies": [],
    }


def _note(node: Any, changed: tuple[Any, ...], info: Any, text: str | None, *, made: bool) -> None:
    """Put down what there is to say of a node beside its value."""
    if changed:
        node._more().before = (node._data, changed[0])
    if info is not None:
        if "opened" in info:
            inside = node._extras.inner
            info["opened"] = node._serial if inside is None else inside.opened
        node._more().info = {**node.info, **info} if made else info
    if text is not None:
        node.info["sent_as_text"] = text
