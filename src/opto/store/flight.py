"""One of many threads works, and the others get what it found."""

from __future__ import annotations

import os
from concurrent.futures import Future
from copy import copy
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opto.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm.live import Live

__all__ = ["Flights"]

T = TypeVar("T")


class Flights(Generic[T]):
    """Work that is going on in this process, by the name of what is worked on.

    Example:
        >>> Flights().shared("one", lambda: 1)
        1
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._under_way: dict[str, Future[T]] = {}

    def shared(self, key: str, work: Callable[[], T], live: Live | None = None) -> T:
        """The result of `work`, or of somebody's who is doing it under this key already.

        Args:
            key: what is worked on.
            work: does it.
            live: ends the waiting for somebody else's when it is cancelled.

        Raises:
            asyncio.CancelledError: nobody wants the result any more.
            ModelError: the model gave no answer; all who wait are told. Whatever else went
                wrong concerns one thread: another one then does the work.
        """
        if self._pid != os.getpid():
            self._start()  # a forked child has none of the threads that it would wait for
        while True:
            mine: Future[T] = Future()
            with self._lock:
                theirs = self._under_way.setdefault(key, mine)
            if theirs is mine:
                return self._done(key, mine, work)
            _await(theirs, live)
            error = theirs.exception()
            if error is None:
                return theirs.result()
            if isinstance(error, ModelError):
                # A copy: raising one exception in two threads would mix up their tracebacks.
                raise _another(error) from error

    def _done(self, key: str, mine: Future[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            self._end(key)
            mine.set_exception(error)
            raise
        self._end(key)
        mine.set_result(result)
        return result

    def _end(self, key: str) -> None:
        with self._lock:
            self._under_way.pop(key, None)


def _await(future: Future[Any], live: Live | None) -> None:
    if live is None:
        return  # asking it for its outcome waits
    over = Event()
    future.add_done_callback(lambda _: over.set())
    with live.on_cancel(over.set):
        over.wait()
    live.check()


def _another(error: ModelError) -> ModelError:
    try:
        return copy(error)
    except TypeError:  # somebody's class whose constructor takes something else
        return error
