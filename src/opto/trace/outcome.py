"""How a call ended: what is recorded of it, and what it looked at on its way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace.credit import refuse, used
from opto.trace.inside import enclosed, handed, keep
from opto.trace.iterators import LAZY, Streamed
from opto.trace.nodes import ExceptionNode, MessageNode, Node, derive
from opto.trace.recorded import MUTABLE, copied, unchanged
from opto.trace.tape import EXTERNAL, INTERPRETER, READS, left
from opto.trace.written import Answered, held

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Token

    from opto.trace.signature import Bound, Shape
    from opto.trace.table import Operation

__all__ = ["ATOMS", "Callee", "Outcome", "among", "failure", "remember", "witness"]

# Types whose values cannot hold anything, and cannot be changed.
ATOMS: frozenset[type[Any]] = frozenset((int, str, float, bool, type(None), bytes, complex))

_COROUTINE = 0x80  # inspect.CO_COROUTINE


@dataclass(frozen=True, slots=True)
class Callee:
    """A bundled function, as a call needs to know it.

    Attributes:
        op: what the call is recorded as.
        base: the base name of the results.
        function: works on values.
        shape: how it takes its arguments.
        code: the parameter that holds its source, or None.
        process: whether it is given values (or the arguments as they are).
        traceable: whether it works on nodes, with its inner graph kept.
        catch: whether an exception becomes an output.
        external: whether it may use nodes that it was not given.
        rewritten: how the code takes its arguments now, if it was changed.
        me: the node of the object whose method it is, or None.
    """

    op: Operation
    base: str
    function: Callable[..., Any]
    shape: Shape
    code: Any = None
    process: bool = True
    traceable: bool = False
    catch: bool = True
    external: bool = False
    rewritten: Shape | None = None
    me: Any = None

    @property
    def asynchronous(self) -> bool:
        """Whether the function is a coroutine function."""
        code = getattr(self.function, "__code__", None)
        return code is not None and bool(code.co_flags & _COROUTINE)

    @property
    def special(self) -> bool:
        """Whether the function is given something else than values."""
        return self.traceable or not self.process

    def given(self, args: Sequence[Any], nodes: Sequence[Any]) -> Sequence[Any]:
        """What a special function is given in the place of its arguments."""
        return handed(args, nodes, self.me) if self.process else args

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bound:
        """Which argument is which, by the signature that the function was written with."""
        try:
            return self.shape.bind(args, kwargs)
        except TypeError:
            if self.rewritten is None:
                raise
            return self.rewritten.bind(args, kwargs)


class Outcome:
    """A call on its way: what was given, and what it has looked at."""

    __slots__ = ("callee", "keys", "nodes", "opened", "positional", "reads", "seen", "values")

    callee: Callee
    keys: tuple[str, ...]
    nodes: list[Any]
    positional: int
    opened: int
    values: Sequence[Any]
    reads: list[Any] | None
    seen: list[tuple[Any, Any, Any]] | None

    def __init__(
        self,
        callee: Callee,
        keys: tuple[str, ...],
        nodes: list[Any],
        positional: int,
        opened: int,
        values: Sequence[Any],
        reads: list[Any] | None,
        seen: list[tuple[Any, Any, Any]] | None,
    ) -> None:
        self.callee, self.keys, self.nodes = callee, keys, nodes
        self.positional, self.opened, self.values = positional, opened, values
        self.reads, self.seen = reads, seen

    async def awaited(self, start: Callable[[], Any]) -> Any:
        """The result of an asynchronous function, recorded when it is there.

        Args:
            start: gives what is to be awaited. It is called when this coroutine begins, so
                that one which never does leaves nothing that was not awaited.
        """
        token = READS.set(self.reads)
        try:
            out = await start()
        except TraceMissingInputsError:
            raise
        except Exception as error:
            if not self.callee.catch:
                raise
            raise self.failed(error, token=token) from error
        finally:
            left(READS, token)
        return self.result(out)

    def result(self, out: Any) -> Any:
        """The node of what the function returned."""
        callee = self.callee
        if out.__class__ is Answered:
            return self._answered(out)
        if type(out) in LAZY and not among(out, self.values):
            # lazy: 5 ms to import, and needed only where something runs after its call.
            from opto.trace.streams import watched

            out = watched(self, out)
            level = getattr(callee.function, "level", None)
            if level is not None:
                return self._answered(Answered(out, level(self.values)))
        out = enclosed(out) if callee.traceable else out
        value = out._data if isinstance(out, Node) else out
        kind = value.as_node if isinstance(value, Streamed) else MessageNode
        self.remember()
        if self.reads is None:
            return _begun(derive(callee.op, callee.base, (), value, kind))
        nodes, keys = self.nodes, self.keys
        if callee.code is not None:
            nodes, keys = [*nodes, callee.code], (*keys, "__code")
        external: list[Any] = []
        if self.reads or out is not value:
            external = self._credited(out)
            nodes = [*nodes, *external]
            keys = (*keys, *(n.py_name for n in external))
        new = _begun(derive(callee.op, callee.base, tuple(nodes), value, kind))
        if external or self.positional != len(self.values):
            more = new._more()
            more.keys, more.positional = keys, self.positional
        if external or callee.traceable:
            self._open(new, out, external)
        return new

    def _answered(self, out: Answered) -> Any:
        """The node of what foreign code returned, computed from what it asked for as well."""
        new = self.result(out.value)
        more = new._more()
        more.sandbox = out.level
        known = {id(n) for n in new._args}
        asked = list({id(n): n for n in out.asked if id(n) not in known}.values())
        if asked and self.reads is not None:
            more.keys = (*new.inputs, *(n.py_name for n in asked))
            more.external += len(asked)
            more.positional = self.positional
            new._args = (*new._args, *asked)
        return new

    def _credited(self, out: Any) -> list[Any]:
        """The nodes beside those given that the result was computed from.

        Raises:
            TraceMissingInputsError: one was used that the function may not use.
        """
        callee = self.callee
        found = self._used([n for n in self.reads or () if n.kind != "exception"])
        allowed = EXTERNAL.get()
        if found and not (callee.external if allowed is None else allowed):
            refuse(callee.op.name, self.nodes, found)
        # To catch a failure is to look at it, and nothing that one could ask leave for.
        more = [n for n in self.reads or () if n.kind == "exception"]
        if isinstance(out, Node) and not callee.traceable:
            # It returned a node: what that was computed from is upstream of the result.
            more.append(out)
        return found + [n for n in self._used(more) if not among(n, found)]

    def _used(self, nodes: Sequence[Any]) -> list[Any]:
        """What was not given of all that `nodes` are or were computed from."""
        callee = self.callee
        known = {id(n) for n in (*self.nodes, *self.values, callee.code)}
        # What was made inside a function that works on nodes is kept there.
        seen = [n for n in nodes if not (callee.traceable and self._inside(n))]
        return used(seen, known, self._inside)

    def _inside(self, node: Any) -> bool:
        return bool(node._serial >= self.opened)

    def remember(self) -> None:
        """Keep what the inputs were, where the function has changed them."""
        if self.seen is not None:
            remember(self.seen)

    def _open(self, new: Any, out: Any, external: Sequence[Any]) -> None:
        if self.callee.traceable:
            returned = out if isinstance(out, Node) else None
            keep(new, returned, self.reads or (), self.opened, self.values)
        if external:
            new._more().external = len(external)

    def failed(
        self,
        error: Exception,
        inputs: tuple[list[Any], tuple[str, ...]] | None = None,
        token: Token[list[Any] | None] | None = None,
    ) -> ExecutionError:
        """The error that stands for the failed call.

        Args:
            error: what was raised.
            inputs: what it is recorded to have come from, and under which names; the
                arguments, and what else was used, by default.
            token: what the reads of the caller will be restored by; they are the present
                ones by default.
        """
        self.remember()
        callee, foreign = self.callee, held(error)
        inner = error.exception_node if isinstance(error, ExecutionError) else None
        nodes, keys = inputs or (self.nodes, self.keys)
        if inputs is None:
            code = [] if callee.code is None else [callee.code]
            more = self._used([n for n in self.reads or () if n is not inner])
            if foreign is not None:
                more += [n for n in foreign.asked if not among(n, more)]
            nodes = [*nodes, *code, *more]
            keys = (*keys, *("__code" for _ in code), *(n.py_name for n in more))
        within = callee.traceable and (inner is None or inner._serial >= self.opened)
        if inner is not None and not within:
            # What failed inside is upstream: the feedback must reach its inputs too.
            nodes, keys = [*nodes, inner], (*keys, inner.py_name)
        failed = failure(callee.op, keys, nodes, error, base=callee.base, told=True)
        level = getattr(callee.function, "level", None)
        if level is not None:
            here = foreign.level if foreign else level(self.values)
            failed.exception_node._more().sandbox = failed.exception_node.info["sandbox"] = here
        if within and self.reads is not None:
            keep(failed.exception_node, inner, self.reads, self.opened, self.values)
        asking = READS.get() if token is None else token.old_value
        if isinstance(asking, list):
            asking.append(failed.exception_node)
        return failed


def _begun(new: Any) -> Any:
    """`new`; if it is a stream, that knows its node now."""
    if new.__class__ is not MessageNode:
        new._data.begin(new)
    return new


def among(node: Any, nodes: Sequence[Any]) -> bool:
    """Whether `node` itself is among `nodes`; ``in`` would compare values."""
    return any(node is other for other in nodes)


def failure(
    op: Operation,
    keys: tuple[str, ...],
    nodes: Sequence[Any],
    error: Exception,
    base: str = "",
    text: str | None = None,
    *,
    told: bool = False,
) -> ExecutionError:
    """The error that stands for a failed call, with its exception node.

    Args:
        op: what was done.
        keys: the names of its inputs.
        nodes: its inputs.
        error: what was raised.
        base: the base of the node's name, after ``exception_``.
        text: the code that could not be defined.
        told: whether the caller sees to it that the function around it knows.
    """
    # lazy: 15 ms to import, and needed only when something has failed.
    from opto.trace.excerpt import error_comment, error_text, traceback_text

    words = f"[exception] The operation {op.name} raised an exception. {op.words}"
    failed = replace(op, words=words, keys=keys)
    args = tuple(nodes) if INTERPRETER.get().recording else ()
    inner = error.exception_node if isinstance(error, ExecutionError) else None
    said = inner._data if inner is not None else error_text(error)
    node = derive(failed, f"exception_{base or op.name}", args, said, ExceptionNode)
    node._more().keys = keys
    node.info["traceback"] = traceback_text(error)
    node.info["error_comment"] = error_comment(error, text)
    reads = None if told else READS.get()
    if reads is not None:
        reads.append(node)
    return ExecutionError(node)


def witness(nodes: Sequence[Any]) -> list[tuple[Any, Any, Any]] | None:
    """Copies of what the call may change in place: the node, its value, the copy."""
    seen = None
    for node in nodes:
        value = node._data
        if value.__class__ in ATOMS:
            continue
        owner = getattr(value, "__self__", None) if callable(value) else None
        if type(owner) in MUTABLE and node._args and node._args[0]._data is owner:
            node, value = node._args[0], owner  # noqa: PLW2901 - a method changes its owner
        before = node._extras.before
        if type(value) in MUTABLE and (before is None or before[0] is not value):
            copy = copied(value)
            if copy is not None:
                seen = seen or []
                seen.append((node, value, copy))
    return seen


def remember(seen: Sequence[tuple[Any, Any, Any]]) -> None:
    """Keep what a value was, where the call changed it."""
    for node, value, copy in seen:
        if not unchanged(copy, value):
            node._more().before = (value, copy)
