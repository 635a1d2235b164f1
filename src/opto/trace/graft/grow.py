"""From a snapshot back to living nodes: a run that happened elsewhere joins the graph here."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from opto.errors import NodeError, StoreError, TraceMissingInputsError, nearest
from opto.trace.inside import Inside
from opto.trace.nodes import ExceptionNode, MessageNode, Node, ParameterNode, derive
from opto.trace.table import OPERATIONS, Operation
from opto.trace.tape import INTERPRETER, RECORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opto.trace.graph import Graph, Step

__all__ = ["Inner", "More", "Record", "graft", "grow", "told"]

_RESULTS = {"message": MessageNode, "exception": ExceptionNode}
_GIVEN = {"node": Node, "parameter": ParameterNode}


@dataclass(frozen=True, slots=True)
class Inner:
    """An `Inside`, with numbers in the place of nodes."""

    returned: int | None
    looked: tuple[int, ...]
    opened: int


@dataclass(frozen=True, slots=True)
class More:
    """What only some nodes have; see `opto.trace.value.Extras`.

    Attributes:
        keys: the names of the inputs, where the operation does not say them.
        positional: how many of them were given by position, -1 for all that have a place.
        description: what the user said of it.
        constraint: what the user asked of it.
        trainable: whether an optimizer may change it.
        copied_from: the name of the node that it is a copy of.
        origin: the number of the node that it stands for inside a call.
        inside: what was kept of the inside of the call that made it.
    """

    keys: tuple[str, ...] | None = None
    positional: int = -1
    description: str | None = None
    constraint: str | None = None
    trainable: bool = False
    copied_from: str | None = None
    origin: int | None = None
    inside: Inner | None = None


# A tuple: there is one for each node, and a dataclass takes four times as long to send.
class Record(NamedTuple):
    """A node as it is told elsewhere, without its value.

    Attributes:
        number: stands for it in the records that it is an input of.
        serial: its place in the order in which nodes were made.
        base: what its name begins with.
        ending: what its name ended with there.
        kind: as that of a `Step`.
        op: what made it, or None for what was given.
        args: the numbers of its inputs.
        more: what there is to say beyond that.
    """

    number: int
    serial: int
    base: str
    ending: int | str
    kind: str
    op: Operation | None = None
    args: tuple[int, ...] = ()
    more: More | None = None


def told(op: Operation) -> Operation:
    """An operation of this library for one of which only the words came."""
    known = OPERATIONS.get(op.name)
    return known if known is not None and known.words == op.words else op


_Known = Callable[[Operation], Operation]


def grow(records: Iterable[Record], at: dict[int, Any], known: _Known = told) -> None:
    """Make a node of each record, in the order in which they were made; values are set later.

    Args:
        records: in any order.
        at: the nodes that are there, by number; the new ones are added.
        known: gives the operation here for one that was told.
    """
    copy_context().run(_grow, sorted(records, key=lambda r: r.serial), at, known)


def _grow(records: Sequence[Record], at: dict[int, Any], known: _Known) -> None:
    # The names have their scopes in them already.
    INTERPRETER.set(RECORDER)
    names = {number: node.py_name for number, node in at.items()}
    for record in records:
        number, _, base, ending, kind, op, args, more = record
        if op is None:
            at[number] = _GIVEN.get(kind, Node)(None, name=base)
        else:
            nodes = tuple([at[arg] for arg in args])
            at[number] = derive(known(op), base, nodes, None, _RESULTS.get(kind, MessageNode))
        names[number] = f"{base}{ending}"
        if more is not None:
            _say(at[number], more, at, [names[arg] for arg in args])
    serials = [record.serial for record in records]
    for record in records:
        if record.more is not None and (inner := record.more.inside) is not None:
            # A call began before the first node that was made after that.
            first = at[records[bisect(serials, inner.opened)].number]
            returned = None if inner.returned is None else at[inner.returned]
            looked = tuple([at[number] for number in inner.looked])
            at[record.number]._more().inner = Inside(returned, looked, first._serial)


def _say(new: Any, more: More, at: Mapping[int, Any], names: Sequence[str]) -> None:
    """Give a node what its record says beyond its place; `names` are those of its inputs there."""
    extras = new._more()
    for name in ("positional", "description", "constraint", "trainable", "copied_from"):
        setattr(extras, name, getattr(more, name))
    if more.origin is not None:
        extras.origin = at[more.origin]
    if more.keys is not None:
        known = () if new._op is None else new._op.keys
        # What was called after a node there is called after the node here.
        extras.keys = tuple(
            arg.py_name if key == name and (key not in known or arg.kind == "exception") else key
            for key, name, arg in zip(more.keys, names, new._args, strict=True)
        )


# -- a snapshot ----------------------------------------------------------------------


def graft(graph: Graph, inputs: Mapping[str, Any] | Iterable[Any] = ()) -> tuple[Any, ...]:
    """Living nodes of a snapshot that was taken elsewhere, so that feedback can be sent back.

    Args:
        graph: what `Graph.of` took in another process, or `Graph.from_json` read.
        inputs: the nodes here that steps of it stand for, by the names of the steps; or
            nodes alone, for steps that are called as they are.

    Returns:
        A node for each of ``graph.outputs``; where it names none, for each step that no
        other step uses. All other steps become nodes too, with names of their own here.

    Raises:
        TraceMissingInputsError: the snapshot has a parameter for which no node is given.
        NodeError: `inputs` names a step that is not there, or gives something else than nodes.
        StoreError: the steps do not make a graph.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.graph import Graph
        >>> there = node(3, name="there", trainable=True)
        >>> text = Graph.of(there * 2).to_json()
        >>> x = node(3, name="x", trainable=True)
        >>> (y,) = graft(Graph.from_json(text), {there.py_name: x})
        >>> y.backward("too small")
        >>> y.data, y.parents[0] is x, len(x.feedback)
        (6, True, 1)
    """
    given = _given(inputs)
    numbers = {step.name: number for number, step in enumerate(graph.steps)}
    if strange := [name for name in given if name not in numbers]:
        words = ", ".join(f"{n!r}{nearest(n, numbers)}" for n in strange)
        raise NodeError(f"the snapshot has no step {words}")
    at = {numbers[name]: node for name, node in given.items()}
    new = [(n, step) for n, step in enumerate(graph.steps) if n not in at]
    if lost := [step.name for _, step in new if step.kind == "parameter"]:
        raise TraceMissingInputsError(
            f"the snapshot was computed from the parameter {', '.join(lost)}, for which no node "
            f"is given; say which of yours it is: graft(graph, {{{lost[0]!r}: parameter}})"
        )
    grow([_record(number, step, numbers) for number, step in new], at)
    for number, step in new:
        at[number]._data = step.value
    return tuple(at[numbers[name]] for name in graph.outputs or _ends(graph))


def _given(inputs: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    pairs = inputs.items() if hasattr(inputs, "items") else [(None, node) for node in inputs]
    given: dict[str, Any] = {}
    for name, node in pairs:
        if not isinstance(node, Node):
            raise NodeError(
                f"the inputs of a snapshot are nodes, and {name or 'one of them'} is a "
                f"{type(node).__name__}: {node!r}"
            )
        given[node.py_name if name is None else name] = node
    return given


def _ends(graph: Graph) -> list[str]:
    used = set(chain.from_iterable((name for _, name in s.inputs) for s in graph.steps))
    return [step.name for step in graph.steps if step.name not in used]


def _record(number: int, step: Step, numbers: Mapping[str, int]) -> Record:
    args = tuple(numbers.get(name, number) for _, name in step.inputs)
    if any(arg >= number for arg in args):
        raise StoreError(
            f"the step {step.name} is computed from one that does not stand before it; "
            "the steps of a snapshot are in the order of their levels"
        )
    keys = tuple(key for key, _ in step.inputs)
    op = None
    if step.kind in _RESULTS:
        words = step.documentation or f"[{step.op or 'message'}]"
        name = step.op or words[1:].partition("]")[0]
        op = told(Operation.of_words(name, keys, words))
    elif step.kind not in _GIVEN:
        raise StoreError(f"the step {step.name} is of the kind {step.kind!r}, which is unknown")
    base = step.name.rstrip("0123456789") or step.kind
    more = More(
        keys=None if op is None or op.keys_of(len(args)) == keys else keys,
        description=step.description,
        constraint=step.constraint,
        trainable=step.trainable,
    )
    return Record(
        *(number, number, base, step.name.removeprefix(base), step.kind, op, args),
        more=None if more == More() else more,
    )
