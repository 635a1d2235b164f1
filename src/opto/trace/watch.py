"""A body that runs piece by piece: in a context of its own, and watched at what it looks at.

A generator's body stops in the middle and goes on later, perhaps in another thread. What
it reads between two stops belongs to it, and to nobody who runs then.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from contextvars import copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any
from weakref import ref

from opto.errors import TraceMissingInputsError
from opto.trace.credit import refuse, used
from opto.trace.inside import enclosed, handed
from opto.trace.nodes import Node, derive, given
from opto.trace.packing import holds_nodes, packed
from opto.trace.registry import SERIALS
from opto.trace.table import Operation
from opto.trace.tape import EXTERNAL, READS, recording

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextvars import Context

    from opto.errors import ExecutionError

__all__ = ["RETURNED", "Watch"]

RETURNED = Operation.of_words(
    "returned", ("stream",), "[returned] What stream returned when it had ended."
)
_EARLIER = Operation.of_words(
    "earlier", ("*args",), "[earlier] What a stream had used and been sent before."
)

# From so many nodes on, those that an item depends on stand behind one node together:
# the next item may depend on one more, and all items on the square of that.
_MANY = 8


class Watch:
    """What one running body has used, and what its items are therefore computed from.

    Args:
        call: the call that made the body, as an `Outcome`.
    """

    __slots__ = (
        "_next",
        "call",
        "context",
        "known",
        "late",
        "looked",
        "made",
        "nodes",
        "past",
        "reads",
    )

    def __init__(self, call: Any) -> None:
        self.call: Any = call
        self.reads: list[Any] | None = None if call.reads is None else []
        self.context: Context = copy_context()
        self.context.run(READS.set, self.reads)
        # Serial numbers: what the body made lies between the first and second, third and
        # fourth, and so on.
        self.made: array[int] = array("Q", (call.opened, call.opened))
        self.nodes: list[ref[Any]] = []
        self.known: dict[int, Any] = {}
        self.past: list[Any] = []
        self.looked: dict[int, Any] = {}
        self.late: list[ref[Any]] = []
        self._next: Operation | None = None

    def begin(self, node: Any) -> None:
        """Know the node of the stream; and that of a call that gave the stream on."""
        if not self.nodes:
            self.made[1] = node._serial + 1
            call = self.call
            for one in (*node._args, *call.nodes, *call.values, call.callee.code):
                self.known[id(one)] = one
        # Weak: the node has the stream as its value.
        self.nodes = [find for find in self.nodes if find() is not None]
        self.nodes.append(ref(node))

    def end(self) -> None:
        """Let go of all that was used: the body has ended."""
        self.known, self.past, self.looked = {}, [], {}
        if self.reads:
            self.reads.clear()

    # -- running -----------------------------------------------------------------------

    def run(self, act: Callable[..., Any], *args: Any) -> Any:
        """Call `act` in the context of the body; what is made there was made by the body."""
        start = next(SERIALS)
        try:
            return self.context.run(act, *args)
        finally:
            self.ran(start)

    def ran(self, start: int) -> None:
        """The body has run, and serial numbers from `start` on were given since."""
        end = next(SERIALS)
        if end - start > 1:
            self.made.extend((start, end))
        if self.call.seen is not None:
            self.call.remember()

    @coroutine
    def awaited(self, waiting: Any) -> Generator[Any, Any, Any]:
        """The result of what `waiting` waits for, each step of it in the body's context."""
        step = waiting.__await__()
        act, value = step.send, None
        while True:
            try:
                asked = self.run(act, value)
            except StopIteration as end:
                return end.value
            try:
                act, value = step.send, (yield asked)
            except GeneratorExit:
                self.run(step.close)
                raise
            except BaseException as error:  # noqa: BLE001 - the body's to handle, or to let through
                act, value = step.throw, error

    def taken(self, value: Any) -> tuple[Any, Any]:
        """What the body is given of a `value` that is sent to it, and the node of that."""
        if value is None:
            return None, None
        if isinstance(value, Node):
            node: Any = value
        else:
            node = packed(value, "sent") if holds_nodes(value) else None
        callee = self.call.callee
        if not callee.process:
            return value, node
        if callee.traceable:
            (copy,) = handed((value,), (given(value, "sent") if node is None else node,), None)
            self.known[id(copy)] = copy
            return copy, node
        return (value if node is None else node._data), node

    # -- recording ---------------------------------------------------------------------

    @property
    def next(self) -> Operation:
        """What gives an item, in the words of the function."""
        if self._next is None:
            callee = self.call.callee
            op = callee.op
            # Of code that is a parameter the words only say that it is run.
            said = "" if callee.code is not None else op.words.partition("]")[2]
            words = f"[{op.name}.next] The next item of stream.{said}"
            self._next = Operation.of_words(f"{op.name}.next", ("stream",), words)
        return self._next

    def item(self, node: Any, out: Any, sent: Any = None, op: Operation | None = None) -> Any:
        """The node of what the body gave.

        Args:
            node: the node of the stream.
            out: what the body gave.
            sent: the node of what it was sent for that, or None.
            op: what is recorded; that it is the next item by default.

        Raises:
            TraceMissingInputsError: the body used a node that it may not use.
        """
        call = self.call
        traceable = call.callee.traceable
        out = enclosed(out) if traceable else out
        value = out._data if isinstance(out, Node) else out
        base = "next" if op is None else op.name
        self._note(sent)
        if not recording():
            return derive(op or self.next, base, (), value)
        more = (*self.past, *(() if traceable else self._of(out)))
        new = derive(op or self.next, base, (node, *more), value)
        if more:
            new._more().keys = ("stream", *(n.py_name for n in more))
        if traceable:
            call.reads = [*self.looked.values()]
            call._open(new, out, more)
        self._fold()
        return new

    def plain(self, out: Any, *, check: bool = True) -> Any:
        """The value of what the body gave, where no node of it is made.

        Whoever asks has the stream as an input; so what the body used becomes an input of
        the stream. What is younger than the stream cannot: it goes to who is asking.

        Args:
            out: what the body gave.
            check: refuse what may not be used; not where the body has failed already.

        Raises:
            TraceMissingInputsError: the body used a node that it may not use, or that
                nobody's inputs could be made to include.
        """
        self._note(None, check=check)
        if self.reads is not None and recording():
            found = [*self.past, *self._of(out)]
            if found:
                self._adopt(found, check=check)
        return out._data if isinstance(out, Node) else out

    def failed(self, node: Any, error: Exception, sent: Any) -> ExecutionError:
        """The error that stands for the failure of the body."""
        self._note(sent, check=False)
        nodes = [node, *self.past]
        keys = ("stream", *(n.py_name for n in self.past))
        raised: ExecutionError = self.call.failed(error, (nodes, keys))
        return raised

    def _note(self, sent: Any, *, check: bool = True) -> None:
        """Credit or refuse what was used since the last time."""
        if sent is not None:
            self._know(sent)
        if not self.reads:
            return
        call = self.call
        reads = [*self.reads]
        self.reads.clear()
        if call.callee.traceable:
            # What was made inside a function that works on nodes is kept there.
            self.looked.update((id(n), n) for n in reads if self._inside(n))
            reads = [n for n in reads if id(n) not in self.looked]
        seen = used(reads, self.known, self._inside)
        # Without recording nothing is checked, as in any call; later items still know.
        if seen and check and recording() and not self._allowed():
            refuse(call.callee.op.name, [*call.nodes, *self.past], seen)
        for node in seen:
            self._know(node)

    def _allowed(self) -> bool:
        for said in (EXTERNAL.get(), self.context.get(EXTERNAL)):
            if said is not None:
                return bool(said)
        return bool(self.call.callee.external)

    def _inside(self, node: Any) -> bool:
        if bisect_right(self.made, node._serial) % 2:
            return True
        return any(find() is node for find in self.nodes)

    def _of(self, out: Any) -> list[Any]:
        """What a node that the body gave was computed from."""
        if not isinstance(out, Node):
            return []
        return used([out], self.known, self._inside)

    def _know(self, node: Any) -> None:
        if id(node) not in self.known:
            self.known[id(node)] = node
            self.past.append(node)

    def _fold(self) -> None:
        if len(self.past) > _MANY:
            values = [n._data for n in self.past if n._op is not _EARLIER]
            self.past = [derive(_EARLIER, "earlier", tuple(self.past), values)]

    def _adopt(self, found: Sequence[Any], *, check: bool) -> None:
        streams = [node for find in self.nodes if (node := find()) is not None]
        if not streams:
            return
        born = min(node._serial for node in streams)
        found = _unfolded(found)
        old = [n for n in found if n._serial < born]
        late = [n for n in found if n._serial >= born]
        for node in streams:
            _add_inputs(node, old)
        for one in old:
            self.known[id(one)] = one
        self.past = [n for n in _unfolded(self.past) if n._serial >= born]
        asking = READS.get()
        if not late or (asking is None and not check):
            return
        if asking is None:
            names = ", ".join(n.name for n in late)
            raise TraceMissingInputsError(
                f"{self.call.callee.op.name} used the value of {names}, which did not exist when "
                "it was called, so feedback could not reach it from plain items. Iterate over "
                f"the node, {streams[0].name}, and not over its value"
            )
        asking.extend(late)
        self.late.extend(map(ref, late))

    def held(self) -> set[int]:
        """What whoever has the stream may use, as it comes through the stream; by `id`."""
        return {id(node) for find in self.late if (node := find()) is not None}


def _unfolded(nodes: Sequence[Any]) -> list[Any]:
    """`nodes`, with those that others were folded into replaced by the others."""
    found: list[Any] = []
    stack = [*nodes][::-1]
    while stack:
        node = stack.pop()
        if node._op is _EARLIER:
            stack.extend(node._args[::-1])
        else:
            found.append(node)
    return found


def _add_inputs(node: Any, more: Sequence[Any]) -> None:
    """Make `more` inputs of a node that was made earlier, but later than they."""
    new = [n for n in more if not any(n is arg for arg in node._args)]
    if not new:
        return
    keys = (*node.inputs, *(n.py_name for n in new))
    node._args = (*node._args, *new)
    more_of = node._more()
    more_of.keys = keys
    more_of.external += len(new)
    if more_of.info is not None:
        more_of.info.setdefault("external_dependencies", []).extend(new)
