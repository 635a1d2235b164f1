"""The kinds of nodes, and `node`, which makes one of any value."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from opto._compat import old_names
from opto.errors import ArgumentError, NodeError
from opto.trace.place import GRAPH
from opto.trace.propagators import GraphPropagator
from opto.trace.registry import COUNTERS, SERIALS, Registry
from opto.trace.table import Operation
from opto.trace.tape import INTERPRETER, STEP, name_scope, recording
from opto.trace.value import NOTHING, Node
from opto.trace.written import is_foreign, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.trace.registry import Counter

__all__ = [
    "GRAPH",
    "IDENTITY_OPERATORS",
    "ExceptionNode",
    "Graph",
    "GraphPropagator",
    "MessageNode",
    "Node",
    "ParameterNode",
    "counted",
    "derive",
    "get_op_name",
    "given",
    "name_scope",
    "node",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Old names of the original.
AbstractNode = Node
Graph = Registry
IDENTITY_OPERATORS = ("identity", "clone")


class ParameterNode(Node[T_co]):
    """A value that an optimizer may change.

    Args:
        value: what it begins as.
        projections: what every proposed value is put through before it is taken.
        trainable: False freezes it; it is still listed among the parameters.

    The other arguments are those of `Node`.
    """

    __slots__ = ("projections",)
    kind = "parameter"

    def __init__(
        self,
        value: T_co | Node[T_co],
        *,
        name: str | None = None,
        trainable: bool = True,
        description: str | None = None,
        constraint: str | None = None,
        projections: Sequence[Any] | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            value,
            name=name,
            trainable=trainable,
            description=description,
            constraint=constraint,
            info=info,
        )
        if projections is not None and not isinstance(projections, (list, tuple)):
            raise NodeError(f"projections of {self.name} must be a list, not {projections!r}")
        for projection in projections or ():
            if not callable(getattr(projection, "project", None)):
                raise NodeError(
                    f"projections of {self.name} must be Projection objects with a .project(); "
                    f"got {projection!r}"
                )
        self.projections: list[Any] = list(projections or ())

    def _listen(self) -> None:
        """Keep what earlier passes said: feedback adds up until `zero_feedback`."""

    @property
    def foreign(self) -> bool:
        """Whether it holds code that the user did not write: an optimizer did, or it was loaded."""
        return is_foreign(self)

    def _set(self, value: Any) -> None:
        super()._set(value)
        if (STEP.get() is not None and self.foreign) or (
            isinstance(value, ParameterNode) and value.foreign
        ):
            mark(self)

    def __copy__(self) -> Any:
        new = super().__copy__()
        new.projections = self.projections
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = super().__deepcopy__(memo)
        new.projections = list(self.projections)
        new._extras.written = self._extras.written
        return new

    def __reduce__(self) -> Any:
        code = None if self._extras.written is None else self.foreign
        return _with_projections, (super().__reduce__(), self.projections, code)


def _with_projections(
    made: tuple[Any, tuple[Any, ...]], projections: list[Any], code: bool | None = None
) -> Any:
    rebuild, arguments = made
    new = rebuild(*arguments)
    new.projections = projections
    if code is not None:
        new._more().written = set()
        if code:
            mark(new)
    return new


class MessageNode(Node[T_co]):
    """The result of an operation.

    Args:
        value: the result.
        inputs: what it was computed from: nodes by argument name, or a list of nodes.
        description: what the operation does, beginning with its name in brackets.
        name: the base of its name; the operation by default.
        info: anything that should be kept with it.

    Raises:
        NodeError: `inputs` is something else, or holds something that is no node.
    """

    __slots__ = ()
    kind = "message"

    def __init__(
        self,
        value: T_co | Node[T_co],
        *,
        inputs: Mapping[str, Node[Any]] | Sequence[Node[Any]],
        description: str,
        constraint: str | None = None,
        name: str | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        named = _named(inputs)
        op = get_op_name(description)
        super().__init__(value, name=op if name is None else name, constraint=constraint, info=info)
        self._op = Operation.of_words(op, tuple(named), description)
        if recording():
            self._args = tuple(named.values())
            self._more().keys = tuple(named)


def _named(inputs: Any) -> dict[str, Node[Any]]:
    if isinstance(inputs, (list, tuple)):
        pairs = [(n.name if isinstance(n, Node) else "", n) for n in inputs]
    elif isinstance(inputs, dict):
        pairs = list(inputs.items())
    else:
        raise NodeError(f"inputs must be a list or a dict of nodes, not {type(inputs).__name__}")
    for name, value in pairs:
        if not isinstance(value, Node):
            raise NodeError(
                f"the input {name!r} is a {type(value).__name__} and no node; wrap it by node()"
            )
    return dict(pairs)


class ExceptionNode(MessageNode[str]):
    """The failure of an operation, as an output that feedback can be sent through.

    Args:
        value: the exception that was raised.

    The other arguments are those of `MessageNode`. Its data is the text
    ``(ExceptionType) message``.
    """

    __slots__ = ()
    kind = "exception"

    def __init__(
        self,
        value: Exception,
        *,
        inputs: Mapping[str, Node[Any]] | Sequence[Node[Any]],
        description: str | None = None,
        constraint: str | None = None,
        name: str | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        # lazy: 15 ms to import, and needed only when something has failed.
        from opto.trace.excerpt import error_text

        super().__init__(
            error_text(value),
            inputs=inputs,
            description=description or "[exception] The operation raised an exception.",
            constraint=constraint,
            name=name,
            info=info,
        )

    def create_feedback(self, style: str = "simple") -> str:
        """The failure as feedback.

        Args:
            style: ``"simple"`` for the exception alone; ``"full"`` for the source of the
                function with the failing line marked, where it is known.

        Raises:
            NodeError: `style` is neither.
        """
        if style not in ("simple", "full"):
            raise NodeError(f"style must be 'simple' or 'full', not {style!r}")
        comment = self.info.get("error_comment") if style == "full" else None
        return str(comment or self.data)


def get_op_name(description: str) -> str:
    """The operation that a description begins with, in brackets.

    Raises:
        NodeError: there is none.

    Example:
        >>> get_op_name("[add] x plus y.")
        'add'
    """
    head, bracket, _ = str(description).partition("]")
    if not (bracket and head.startswith("[") and head[1:].strip()):
        raise NodeError(
            f"a description must begin with the operation's name in brackets, such as "
            f"'[summarize] ...'; got {description!r}"
        )
    return head[1:]


def derive(
    op: Operation, base: str, args: tuple[Node[Any], ...], value: Any, cls: type = MessageNode
) -> Any:
    """A new result, made without the checks of the constructor."""
    new: Any = object.__new__(cls)
    new._data = value
    new._args = args
    new._op = op
    new._said = None
    new._extras = NOTHING
    new._counter = counter = COUNTERS[INTERPRETER.get().scope + base]
    new._index = next(counter.count)
    new._serial = next(SERIALS)
    return new


def given(value: Any, base: str) -> Node[Any]:
    """A new root, made without the checks of the constructor."""
    return counted(value, COUNTERS[INTERPRETER.get().scope + base])


def counted(value: Any, counter: Counter) -> Node[Any]:
    """A new root that `counter` gives its name."""
    new: Any = _new_node()
    new._data = value
    new._args = ()
    new._op = new._said = None
    new._extras = NOTHING
    new._counter = counter
    new._index = next(counter.count)
    new._serial = next(SERIALS)
    made: Node[Any] = new
    return made


_new_node = partial(object.__new__, Node)


@overload
def node(
    data: Node[T],
    name: str | None = None,
    *,
    trainable: Literal[True],
    description: str | None = None,
    constraint: str | None = None,
    projections: Sequence[Any] | None = None,
) -> ParameterNode[T]: ...
@overload
def node(
    data: T,
    name: str | None = None,
    *,
    trainable: Literal[True],
    description: str | None = None,
    constraint: str | None = None,
    projections: Sequence[Any] | None = None,
) -> ParameterNode[T]: ...
@overload
def node(
    data: Node[T],
    name: str | None = None,
    trainable: bool = False,
    description: str | None = None,
    constraint: str | None = None,
    projections: Sequence[Any] | None = None,
) -> Node[T]: ...
@overload
def node(
    data: T,
    name: str | None = None,
    trainable: bool = False,
    description: str | None = None,
    constraint: str | None = None,
    projections: Sequence[Any] | None = None,
) -> Node[T]: ...
def node(
    data: Any,
    name: str | None = None,
    trainable: bool = False,
    description: str | None = None,
    constraint: str | None = None,
    projections: Sequence[Any] | None = None,
    **unknown: Any,
) -> Any:
    """A node of `data`.

    Args:
        data: any object. A node is returned as it is, unless `trainable`: then a new
            parameter is made of its value.
        name: the base of its name; the type of the value by default.
        trainable: whether an optimizer may change it.
        description: what it is, for a model to read.
        constraint: what its value must keep to, for a model to read.
        projections: what every proposed value is put through (only if trainable).
        unknown: refused, with the nearest known name.

    Returns:
        A `ParameterNode` if trainable, a `Node` otherwise.

    Raises:
        NodeError: a name with a colon in it, or a description that is no text.

    Example:
        >>> prompt = node("Be brief.", name="prompt", trainable=True)
        >>> prompt.data
        'Be brief.'
    """
    if unknown:
        known = ("data", "name", "trainable", "description", "constraint", "projections")
        raise ArgumentError.unknown("node()", unknown, known)
    if trainable:
        return ParameterNode(
            data,
            name=name,
            description=description,
            constraint=constraint,
            projections=projections,
        )
    if projections:
        raise NodeError("projections are for what an optimizer changes; add trainable=True")
    if isinstance(data, Node):
        if name is not None:
            warnings.warn(
                f"node() was given {data.name}, which has a name; {name!r} is not used",
                stacklevel=2,
            )
        return data
    if name is None and description is None and constraint is None:
        return given(data, type(data).__name__)
    return Node(data, name=name, description=description, constraint=constraint)


__getattr__: Callable[[str], Any] = old_names(__name__)
