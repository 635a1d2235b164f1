"""Who interprets an operation here and now: the only mutable context of the library.

Everything that belongs to a flow of control (a thread, a task) is in context
variables, so that tasks are right by themselves and threads by `carried`.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token, copy_context
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["carried", "name_scope", "recording", "stop_tracing"]

R = TypeVar("R")


class Interpreter:
    """What is done with an operation, and what the names of its results begin with.

    Attributes:
        scope: stands before the base of a name; empty, or ends in a slash.
        recording: whether operations are recorded, or run and forgotten.
    """

    __slots__ = ("scope",)
    recording: ClassVar[bool]
    # Filled in by the module that makes nodes, which stands above this one.
    apply: ClassVar[Callable[..., Any]]

    def __init__(self, scope: str = "") -> None:
        self.scope: str = scope


class Recorder(Interpreter):
    """Runs operations and records them."""

    __slots__ = ()
    recording = True


class Runner(Interpreter):
    """Runs operations and forgets them."""

    __slots__ = ()
    recording = False


# The interpreter of almost all operations. Where it is the present one, nothing else
# about the context needs to be asked.
RECORDER = Recorder()

INTERPRETER: ContextVar[Interpreter] = ContextVar("opto.interpreter", default=RECORDER)

# The nodes whose values the running function has looked at; None outside of one.
READS: ContextVar[list[Any] | None] = ContextVar("opto.reads", default=None)

# Whether functions may use nodes they were not given; None leaves it to each of them.
EXTERNAL: ContextVar[bool | None] = ContextVar("opto.external", default=None)

# The optimizer's step that is running; None outside of one. See `opto.trace.written`.
STEP: ContextVar[Any] = ContextVar("opto.step", default=None)

# The functions that are running with their recursion untraced.
UNTRACED: ContextVar[frozenset[Any]] = ContextVar("opto.untraced", default=frozenset())


def recording() -> bool:
    """Whether operations are recorded in this flow of control."""
    return INTERPRETER.get().recording


def switched(*, on: bool) -> Interpreter:
    """The interpreter of this flow of control, recording or not."""
    scope = INTERPRETER.get().scope
    if not on:
        return Runner(scope)
    return Recorder(scope) if scope else RECORDER


def scoped(scope: str) -> Interpreter:
    """The interpreter of this flow of control, with names that begin with `scope`."""
    present = INTERPRETER.get()
    if not scope and present.recording:
        return RECORDER
    return type(present)(scope)


def left(variable: ContextVar[Any], token: Token[Any]) -> None:
    """Give `variable` the value that it had before `token`, where the block ends that set it.

    A coroutine that was forgotten is closed from another context, which knows nothing of
    the block: there is nothing to be given back.
    """
    with suppress(ValueError):
        variable.reset(token)


@contextmanager
def stop_tracing() -> Iterator[None]:
    """Run operations without recording them, in this flow of control only.

    Nests: leaving an inner block does not switch recording on in an outer one.

    Example:
        >>> from opto.trace import node, stop_tracing
        >>> x = node(1)
        >>> with stop_tracing():
        ...     y = x + 1
        >>> y.data, y.parents
        (2, [])
    """
    interpreter, reads = INTERPRETER.set(switched(on=False)), READS.set(None)
    try:
        yield
    finally:
        left(READS, reads)
        left(INTERPRETER, interpreter)


@contextmanager
def name_scope(scope: str) -> Iterator[None]:
    """Prefix the names of nodes made in this block with `scope` and a slash.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.tape import name_scope
        >>> with name_scope("agent"):
        ...     node(1, name="x").name.split(":")[0]
        'agent/x'
    """
    token = INTERPRETER.set(scoped(f"{INTERPRETER.get().scope}{scope}/"))
    try:
        yield
    finally:
        left(INTERPRETER, token)


def carried(function: Callable[..., R]) -> Callable[..., R]:
    """`function`, to be run in a thread or executor with the context of this moment.

    Threads start with an empty context. A function that was carried records (or does
    not), reads and names in the thread as it would have here.

    Args:
        function: what the thread is going to call.

    Returns:
        A function of the same arguments; each call runs in a context of its own.

    Example:
        >>> from threading import Thread
        >>> from opto.trace import node, stop_tracing
        >>> x, seen = node(1), []
        >>> with stop_tracing():
        ...     thread = Thread(target=carried(lambda: seen.append(x + 1)))
        >>> thread.start(); thread.join()
        >>> seen[0].parents
        []
    """
    context = copy_context()

    def run(*args: Any, **kwargs: Any) -> R:
        return context.copy().run(function, *args, **kwargs)

    return run
