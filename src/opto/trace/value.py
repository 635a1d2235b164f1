"""Node: one value of a program that remembers where it came from."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar, overload

from opto.errors import NodeError
from opto.trace.escaped import escaped
from opto.trace.heard import Hearing
from opto.trace.iterators import iterate, iterate_async
from opto.trace.magic import Operators
from opto.trace.place import Placed
from opto.trace.registry import COUNTERS, SERIALS, checked_base
from opto.trace.table import OPERATIONS
from opto.trace.tape import INTERPRETER, READS

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Iterable, Iterator

    from opto.trace.table import Operation
    from opto.trace.within import Call

__all__ = ["NOTHING", "Extras", "Node"]

E = TypeVar("E")
S = TypeVar("S", bound="Node[Any]")
T_co = TypeVar("T_co", covariant=True)


class Extras:
    """What only some nodes have, so that the others stay small."""

    __slots__ = (
        "before",
        "calls",
        "constraint",
        "copied_from",
        "description",
        "external",
        "hidden",
        "info",
        "inner",
        "keys",
        "origin",
        "positional",
        "sandbox",
        "trainable",
        "written",
    )

    def __init__(self) -> None:
        self.before: tuple[Any, Any] | None = None
        self.calls: tuple[Call, ...] = ()
        self.constraint: str | None = None
        self.copied_from: str | None = None
        self.description: str | None = None
        self.external: int = 0
        self.hidden: tuple[Node[Any], ...] | None = None
        self.info: dict[str, Any] | None = None
        self.inner: Any = None
        self.keys: tuple[str, ...] | None = None
        self.origin: Node[Any] | None = None
        self.positional: int = -1
        self.sandbox: str | None = None
        self.trainable: bool = False
        # Of code: the hashes of texts that the user did not write; shared by all its copies.
        self.written: set[int] | None = None


NOTHING = Extras()


class Node(Operators[T_co], Placed, Hearing):
    """A value, its name, and what it was computed from.

    Args:
        value: any object; it is kept, not copied. A node's value is taken from it.
        name: the base of its name; the type of the value by default.
        trainable: whether an optimizer may change it (use `node` to make a parameter).
        description: what it is, for a model to read.
        constraint: what its value must keep to, for a model to read.
        info: anything that should be kept with it.

    Example:
        >>> x = Node(3, name="x")
        >>> (x + 1).data
        4
    """

    __slots__ = (
        "__weakref__",
        "_args",
        "_counter",
        "_data",
        "_extras",
        "_index",
        "_op",
        "_said",
        "_serial",
    )
    kind = "node"

    def __init__(
        self,
        value: T_co | Node[T_co],
        *,
        name: str | None = None,
        trainable: bool = False,
        description: str | None = None,
        constraint: str | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(value, Node):
            name = value._base if name is None else name
            value = value.data
        self._data: T_co = value
        self._args: tuple[Node[Any], ...] = ()
        self._op: Operation | None = None
        self._said: Any = None
        self._extras: Extras = NOTHING
        self._register(type(value).__name__ if name is None else checked_base(name))
        if description is not None or constraint is not None:
            self._describe(description, constraint)
        if info is not None:
            self._more().info = info
        if trainable:
            self._more().trainable = True

    def _register(self, base: str) -> None:
        self._counter = counter = COUNTERS[INTERPRETER.get().scope + base]
        self._index = next(counter.count)
        self._serial = next(SERIALS)

    def _describe(self, description: str | None, constraint: str | None) -> None:
        for what, text in (("description", description), ("constraint", constraint)):
            if text is not None and not isinstance(text, str):
                raise NodeError(
                    f"the {what} of {self.name} must be a str or None, not "
                    f"{type(text).__name__}: {text!r}"
                )
        more = self._more()
        more.description, more.constraint = description, constraint

    def _more(self) -> Extras:
        if self._extras is NOTHING:
            self._extras = Extras()
        return self._extras

    # -- value ---------------------------------------------------------------------

    @property
    def data(self) -> T_co:
        """The value. Inside a bundled function, reading it counts as using the node."""
        reads = READS.get()
        if reads is not None:
            reads.append(self)
        return self._data

    def _set(self, value: Any) -> None:
        self._data = value.data if isinstance(value, Node) else value

    @property
    def recorded(self) -> T_co:
        """The value as it was when it was used, if a function changed it in place since."""
        value, before = self.data, self._extras.before
        return before[1] if before is not None and before[0] is value else value

    @property
    def type(self) -> builtins.type:
        """The type of the value."""
        return type(self.data)

    # -- name and words ------------------------------------------------------------

    @property
    def _base(self) -> str:
        return self._counter.base

    @property
    def name(self) -> str:
        """``base:index``; the index counts the nodes of this base."""
        return f"{self._base}:{self._index}"

    @property
    def py_name(self) -> str:
        """The name without its colon, as prompts and pictures write it."""
        return f"{self._base}{self._index}"

    @property
    def id(self) -> str:
        """The index in the name, as text."""
        return str(self._index)

    @property
    def copied_from(self) -> str | None:
        """The name of the node that this one is a copy of, or None."""
        return self._extras.copied_from

    @property
    def _description(self) -> str:
        text = self._extras.description
        if text is None:
            return f"[{type(self).__name__}]" if self._op is None else self._op.words
        tagged = text.startswith("[") and "]" in text
        return text if tagged else f"[{type(self).__name__}] {text}"

    @_description.setter
    def _description(self, text: str | None) -> None:
        self._more().description = text

    @property
    def description(self) -> str | None:
        """What the user (or, for a result, the operation) says of it; None if nothing."""
        return self._description.partition("]")[2].strip() or None

    @property
    def op_name(self) -> str:
        """The tag of the description: the operation, or the class of a given value."""
        if self._op is not None and self._extras.description is None:
            return self._op.name
        return self._description[1:].partition("]")[0]

    @property
    def constraint(self) -> str | None:
        """What the value must keep to, in words."""
        return self._extras.constraint

    _constraint = constraint

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may change the value."""
        return self._extras.trainable

    @trainable.setter
    def trainable(self, on: bool) -> None:
        self._more().trainable = on

    @property
    def info(self) -> dict[str, Any]:
        """What is kept with the node; of a bundled call: its source, inputs and output."""
        more = self._more()
        if more.info is None:
            op = self._op
            more.info = {} if op is None else (op.info_of or _info_of)(self)
        return more.info

    def _oracle(self) -> Node[str]:
        return Node("", name="FEEDBACK_ORACLE")

    # -- copies ----------------------------------------------------------------------

    def clone(self) -> Node[T_co]:
        """A copy of the value, recorded as computed from this one."""
        new: Node[T_co] = INTERPRETER.get().apply(OPERATIONS["clone"], (self,))
        return new

    def detach(self: S) -> S:  # noqa: PYI019 - `Self` came with Python 3.11
        """A copy of the node and its value that was computed from nothing."""
        reads = READS.get()
        if reads is not None:
            reads.append(self)
        return copy.deepcopy(self)

    def __copy__(self) -> Any:
        new = self._bare()
        for slot in ("_args", "_counter", "_data", "_extras", "_index", "_op", "_serial"):
            setattr(new, slot, getattr(self, slot))
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = self._bare()
        memo[id(self)] = new
        new._args, new._op, new._extras = (), self._op, NOTHING
        new._counter, new._index = self._counter, next(self._counter.count)
        new._data = copy.deepcopy(self._data, memo)
        new._serial = next(SERIALS)
        more = new._more()
        more.copied_from = self.name
        for name in ("constraint", "description", "trainable"):
            setattr(more, name, getattr(self._extras, name))
        # Of a call only the words are copied: its inputs would bring the graph along.
        if self._extras.info is not None and self._op is None:
            more.info = copy.deepcopy(self._extras.info, memo)
        return new

    def _bare(self) -> Any:
        new = object.__new__(self.__class__)
        new._said = None
        return new

    def __reduce__(self) -> Any:
        more = self._extras
        words = (more.description, more.constraint, more.trainable)
        op = None if self._op is None else self._op.told()
        return _unpickled, (self.__class__, self._data, self._base, self._index, op, words)

    # -- Python's own protocols, which answer with plain values ------------------------

    def __eq__(self, other: object) -> Any:
        return self.data == (other.data if isinstance(other, Node) else other)

    if TYPE_CHECKING:
        # Of an assigned `__hash__` some checkers say that it makes nothing hashable.
        def __hash__(self) -> int: ...
    else:
        __hash__ = object.__hash__

    # Makes numpy leave `array + node` to the node, where it is one step and not many.
    __array_ufunc__ = None

    def __int__(self) -> int:
        # Without it, int() would ask the recorded __trunc__.
        raise TypeError(f"int() needs a value and not a node; write int({self.py_name}.data)")

    def __bool__(self) -> bool:
        return bool(self.data)

    def __len__(self) -> int:
        return len(self.data)  # type: ignore[arg-type] # raises the TypeError of the value

    def __contains__(self, item: Any) -> bool:
        held: Any = self.data
        return (item.data if isinstance(item, Node) else item) in held

    @overload
    def __iter__(self: Node[Iterable[E]]) -> Iterator[Node[E]]: ...
    @overload
    def __iter__(self) -> Iterator[Any]: ...
    def __iter__(self) -> Iterator[Any]:
        return iter(iterate(self))

    def __aiter__(self) -> AsyncIterator[Any]:
        items: AsyncIterator[Any] = iterate_async(self)
        return items

    def items(self) -> Any:
        """Pairs of nodes: the keys and the values of a dict."""
        if not isinstance(self._data, dict):
            # What an object of another type says of a method that it has not.
            raise AttributeError(f"{self.name} holds a {self.type.__name__}: no items()")  # noqa: TRY004
        return iterate(self, pairs=True)

    def __str__(self) -> str:
        kind = {"node": "Node", "parameter": "ParameterNode"}.get(self.kind, "MessageNode")
        return f"{kind}: ({self.name}, dtype={self.type}, data={escaped(str(self.data))})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _info_of(node: Any) -> dict[str, Any]:
    op, values = node._op, [n._data for n in node._args]
    return {
        "fun": op.function,
        "fun_name": op.name,
        "doc": op.words,
        "inputs": {"args": values, "kwargs": {}},
        "output": node._data,
    }


def _unpickled(
    cls: type[Node[Any]], data: Any, base: str, index: int, op: Any, words: tuple[Any, Any, bool]
) -> Node[Any]:
    node = object.__new__(cls)
    node._data, node._args, node._op, node._said, node._extras = data, (), op, None, NOTHING
    node._counter, node._index, node._serial = COUNTERS[base], index, next(SERIALS)
    more = node._more()
    more.description, more.constraint, more.trainable = words
    return node
