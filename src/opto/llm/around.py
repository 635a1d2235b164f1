"""What stands around every question that a program asks: a run's record, a progress line.

A layer is built around one model. What is entered here stands around all of them, wherever
in the program they are asked, until it is left: `opto.run` is of this kind.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import get_ident
from types import MethodType
from typing import TYPE_CHECKING, Any, Protocol

from opto._plugs import plug
from opto.errors import ArgumentError
from opto.llm.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opto.llm.types import Reply, Request

__all__ = ["Around", "Ask", "around", "asked", "standing", "tell", "through"]


class Ask(Protocol):
    """The rest of the way to the model."""

    def __call__(self, request: Request, /) -> Reply:
        """The reply to a request."""


class Around(Protocol):
    """Something that stands around questions.

    One with a true attribute `watches` only looks on, and stands around all others: else it
    would not see what a run answers from its record.

    It may have two more methods. ``layer(llm)`` gives the model, perhaps within a layer of
    its own that sees every attempt. ``told(what, fact)`` hears what else the program does,
    see `tell`.
    """

    def __call__(self, llm: Any, request: Request, ask: Ask, /) -> Reply:
        """Answer, by ``ask(request)`` or otherwise.

        Args:
            llm: who is asked.
            request: what is asked; it holds no secret of the environment.
            ask: asks the next one that stands around, and at last the model.
        """


Stack = tuple[Around, ...]

# What stands around the questions of this flow of control, from the outside in; empty while
# one is being answered: the layers of a model ask each other, and that is one question.
_HERE: ContextVar[Stack | None] = ContextVar("opto.llm.around", default=None)
# All that was entered in this process, and by which thread, for the threads that a program
# starts itself: they have no context, while a task without one in it is no part of a run.
_ENTERED: list[tuple[int, Stack]] = []


@contextmanager
def around(way: Around, *, alone: bool = False) -> Iterator[None]:
    """Let `way` stand around all questions that are asked until the block is left.

    Threads that are started meanwhile are within it as well.

    Args:
        way: what answers, or asks on.
        alone: whether a thread without context begins something of its own by this, beside
            what other threads have entered; else it adds to that.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> def shout(llm, request, ask):
        ...     print("asked:", request.messages[0]["content"])
        ...     return ask(request)
        >>> with around(shout):
        ...     ScriptedLLM(["Hello"])("Greet me.").text
        asked: Greet me.
        'Hello'
    """
    here = _HERE.get()
    below = () if alone and here is None else standing()
    stack = (*below, way)
    token = _HERE.set(stack)
    entered = (get_ident(), stack)
    _ENTERED.append(entered)
    try:
        yield
    finally:
        _ENTERED.remove(entered)
        _HERE.reset(token)


def standing() -> Stack:
    """What stands around the questions of this flow of control, from the outside in.

    Raises:
        ArgumentError: this is a thread without context, and several flows of control have
            each entered something, so that nobody knows to which of them it belongs.
    """
    here = _HERE.get()
    if here is not None:
        return here
    if not _ENTERED:
        return ()
    me = get_ident()
    others = [stack for thread, stack in list(_ENTERED) if thread != me]
    deepest: Stack = max(others, key=len, default=())
    if any(deepest[: len(stack)] != stack for stack in others):
        raise ArgumentError(
            "several runs are under way in this process, and this thread was started without "
            "the context of any of them, so that its questions belong to none; start it with "
            "opto.trace.carried(function)"
        )
    return deepest


def through(answer: Callable[[Any, Request], Reply]) -> Callable[[Any, Request], Reply]:
    """The method `answer` of a model, behind all that stands around."""

    @wraps(answer)
    def behind(self: Any, request: Request) -> Reply:
        return asked(self, request, MethodType(answer, self))

    return behind


def asked(llm: Any, request: Request, answer: Ask) -> Reply:
    """The reply of a model, given by `answer`, behind all that stands around."""
    here = _HERE.get()
    if here == ():
        return answer(request)
    stack = standing() if here is None else here
    ask = _onward(llm, answer, stack) if stack else answer
    token = _HERE.set(())
    try:
        clean = without_secrets(request)
        # An application that traces has imported it; others pay nothing.
        if "opentelemetry.trace" in sys.modules:
            reply: Reply = plug("watch.opentelemetry")(llm, clean, ask)
            return reply
        return ask(clean)
    finally:
        _HERE.reset(token)


def tell(what: str, fact: Any) -> None:
    """Let all that stands around know what the program has done.

    Args:
        what: "step", after a step of an optimizer.
        fact: for a step, its `Update`.
    """
    for way in standing():
        told = getattr(way, "told", None)
        if told is not None:
            told(what, fact)


def _onward(llm: Any, answer: Ask, stack: Stack) -> Ask:
    model = llm
    for way in reversed(stack):
        layer = getattr(way, "layer", None)
        model = model if layer is None else layer(model)
    ask: Ask = answer if model is llm else model.answer
    watching = [way for way in stack if _watches(way)]
    for way in reversed([*watching, *(way for way in stack if way not in watching)]):
        ask = _step(llm, way, ask)
    return ask


def _watches(way: Around) -> bool:
    return bool(getattr(way, "watches", False))


def _step(llm: Any, way: Around, onward: Ask) -> Ask:
    return lambda request: way(llm, request, onward)
