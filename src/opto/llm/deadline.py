"""A call that ends in time, whatever the network does."""

from __future__ import annotations

from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["within"]

T = TypeVar("T")


def within(seconds: float | None, call: Callable[[], T]) -> T:
    """The result of `call`, or a TimeoutError once `seconds` have passed.

    The time limits of HTTP clients begin anew with each byte that arrives: an answer
    that trickles in never ends. So the call runs in a thread that is left behind
    when its time is up; it ends when the connection does.

    Args:
        seconds: how long the call may take; None for as long as it likes.
        call: takes nothing; runs with the context variables of the caller.

    Raises:
        TimeoutError: the time was up.

    Example:
        >>> within(5.0, lambda: 1 + 1)
        2
    """
    if seconds is None:
        return call()
    context = copy_context()
    outcome: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put((context.run(call), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            outcome.put((None, error))

    Thread(target=run, name="opto-llm", daemon=True).start()
    try:
        value, error = outcome.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no complete answer within {seconds:g} s") from None
    if error is not None:
        raise error
    result: Any = value
    return result  # type: ignore[no-any-return]
