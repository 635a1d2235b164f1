"""What happened in a run, as data that can be sent."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import TraceError
from opto.trace.bundle import FunModule
from opto.trace.graft.addresses import address_of
from opto.trace.graft.grow import Inner, More, Record
from opto.trace.graft.wire import Writer, reason, travels
from opto.trace.value import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.trace.graft.addresses import Address
    from opto.trace.table import Operation

__all__ = ["Packing", "Reply", "Stray"]


@dataclass(frozen=True, slots=True)
class Stray:
    """A parameter that was used and not sent.

    Attributes:
        number: stands for it in the reply.
        name: what it is called there.
        address: where it stands, if it stands in a module.
    """

    number: int
    name: str
    address: Address | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What happened, as data; `Call.result` makes nodes of it.

    Attributes:
        records: the nodes that were made.
        body: what was returned, then the values of the nodes, in the form of `Writer`.
        count: how many nodes the body has values of.
        facts: what is known of the functions that were called, with their operations.
        failed: whether an operation raised.
        used: the numbers of the nodes whose values were looked at.
        strays: the parameters that were used and not sent.
    """

    records: tuple[Record, ...]
    body: bytes
    count: int
    facts: tuple[tuple[Operation, dict[str, Any]], ...]
    failed: bool
    used: tuple[int, ...]
    strays: tuple[Stray, ...]


class Packing:
    """Telling what happened: the nodes that were made, numbered as they are met.

    Args:
        name: the function, for messages.
        known: the numbers of the nodes that were sent, by `id`.
        first: the first number that is free.
    """

    def __init__(self, name: str, known: Mapping[int, int], first: int) -> None:
        self._name, self._known, self._first = name, known, first
        self._begin()

    def _begin(self) -> None:
        self._numbers = dict(self._known)
        self._nodes: list[Any] = []
        self._ops: dict[int, tuple[Operation, dict[str, Any]]] = {}
        self._writer = Writer(self._number)

    def pack(self, out: Any, reads: Sequence[Any]) -> None:
        """Write what was returned, and the values of all that it was computed from."""
        try:
            self._pack(out, reads, careful=False)
        except Exception:  # noqa: BLE001 - some value cannot be sent: find out which
            self._pack(out, reads, careful=True)

    def _pack(self, out: Any, reads: Sequence[Any], *, careful: bool) -> None:
        self._begin()
        try:
            self._writer.dump(out)
        except Exception as error:
            raise TraceError(
                f"what {self._name} returned cannot be sent back: {reason(error)}; return plain "
                "values, or nodes of such"
            ) from error
        outputs = len(self._nodes)
        for node in reads:
            self._number(node)
        done = 0
        while done < len(self._nodes):
            chunk = self._nodes[done:]
            for node in chunk:
                for above in _behind(node):
                    self._number(above)
            notes: dict[int, tuple[Any, ...]] = {}
            values = [
                self._value(node, done + i, outputs, notes, careful=careful)
                for i, node in enumerate(chunk)
            ]
            self._writer.dump(values)
            self._writer.dump(notes)
            done += len(chunk)

    def _number(self, node: Any) -> tuple[int]:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = self._first + len(self._nodes)
            self._nodes.append(node)
        return (number,)

    def _value(
        self, node: Any, place: int, outputs: int, notes: dict[int, Any], *, careful: bool
    ) -> Any:
        """What is sent for the value of a node; what there is to say beside it goes to `notes`."""
        if node._extras is NOTHING and not careful:
            return node._data
        value, before = node._data, node.recorded
        info, made = _info(node)
        changed = () if before is value else (before,)
        text = travels((value, before)) if careful else None
        if text is not None:
            if place < outputs:
                raise TraceError(
                    f"the value of {node.name} (operation {node.op_name}), which {self._name} "
                    f"returned, cannot be sent back: {text}; return what can be pickled"
                )
            value, changed = _text(value), ()
        if changed or info or text:
            notes[self._first + place] = (changed, info, made, text)
        return value

    def strays(self, start: int, modules: Any) -> tuple[Stray, ...]:
        """The parameters that were neither sent nor made in the run.

        Args:
            start: the serial number at which the run began.
            modules: the names of what was imported in it.
        """
        found = []
        for number, node in enumerate(self._nodes, start=self._first):
            if node.kind != "parameter":
                continue
            earlier = node._serial < start
            address = address_of(node, sys.modules if earlier else modules)
            if earlier or address is not None:
                found.append(Stray(number, node.name, address))
        return tuple(found)

    def reply(self, strays: tuple[Stray, ...], used: Sequence[int], *, failed: bool) -> Reply:
        """All of it."""
        lost = {stray.number for stray in strays}
        told = [
            self._record(number, node)
            for number, node in enumerate(self._nodes, start=self._first)
            if number not in lost
        ]
        return Reply(
            records=tuple(told),
            body=self._writer.written(),
            count=len(self._nodes),
            facts=tuple((op, facts) for op, facts in self._ops.values() if facts),
            failed=failed,
            used=tuple(used),
            strays=strays,
        )

    def _record(self, number: int, node: Any) -> Record:
        op, extras = node._op, node._extras
        return Record(
            *(number, node._serial, node._base, node._index, node.kind),
            op=None if op is None else self._told(op),
            args=tuple([self._numbers[id(arg)] for arg in node._args]),
            more=None if extras is NOTHING else self._more(extras, len(node._args)),
        )

    def _more(self, extras: Any, count: int) -> More:
        return More(
            keys=None if extras.keys is None else extras.keys[:count],
            positional=extras.positional,
            description=extras.description,
            constraint=extras.constraint,
            trainable=extras.trainable,
            copied_from=extras.copied_from,
            origin=None if extras.origin is None else self._numbers[id(extras.origin)],
            inside=None if extras.inner is None else self._inner(extras.inner),
        )

    def _inner(self, inside: Any) -> Inner:
        returned = None if inside.returned is None else self._numbers[id(inside.returned)]
        looked = tuple([self._numbers[id(node)] for node in inside.looked])
        return Inner(returned, looked, inside.opened)

    def _told(self, op: Operation) -> Operation:
        if id(op) not in self._ops:
            self._ops[id(op)] = op.told(), _facts(op)
        return self._ops[id(op)][0]


def _behind(node: Any) -> list[Any]:
    """The nodes that one leads to."""
    more = node._extras
    found: list[Any] = [*node._args, more.origin]
    if more.inner is not None:
        found += [more.inner.returned, *more.inner.looked]
    return [n for n in found if n is not None]


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - what cannot be shown must not hide the rest
        return f"<{type(value).__qualname__} that cannot be shown: {reason(error)}>"


def _info(node: Any) -> tuple[dict[str, Any] | None, bool]:
    """What is kept with a node, and whether the rest of it can be worked out."""
    info = node._extras.info
    if not isinstance(info, dict):
        return None, False
    made = node._op is not None and callable(info.get("fun"))
    left_out = {"fun"} if made else set()
    if made and node._extras.inner is None:
        left_out |= {"inputs", "output"}
    kept = {key: value for key, value in info.items() if key not in left_out}
    return {k: _text(v) if travels(v) else v for k, v in kept.items()}, made


def _facts(op: Operation) -> dict[str, Any]:
    """What is known of a bundled function, as text and numbers; nothing of other operations."""
    owner = getattr(op.info_of, "__self__", None)
    if not isinstance(owner, FunModule):
        return {}
    # The form of the function that its class has reads its source once for all instances.
    whole = owner._function() if owner._self_node is not None else owner
    info = (whole if isinstance(whole, FunModule) else owner).info
    known = {key: value for key, value in info.items() if key != "fun"}
    trained = {"_fun_name": owner.name} if owner.parameter is not None else {}
    return {
        **known,
        **trained,
        "module": owner.__module__,
        "arity": len(owner._callee.shape.names),
    }
