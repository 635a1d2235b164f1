"""How a question is accompanied while it is being answered: its end, its pauses, its text."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, RLock
from time import sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GRACE", "Live", "pause"]

# Seconds that whoever cancels waits for what is under way to end. Connections are closed in
# milliseconds; code that does not look at its `live` is left behind.
GRACE = 1.0


class Live:
    """What goes along with a question, down through all layers to the model.

    A layer need not know of it: it passes the request on, and `Request.live` with it.
    What waits in between waits by `pause`, so that cancelling ends it.

    Args:
        listener: takes the pieces of the text as they come; None where nobody wants them.

    Example:
        >>> heard = []
        >>> live = Live(heard.append)
        >>> with live.on_cancel(lambda: heard.append("the end")):
        ...     live.text("Hello")
        ...     live.cancel()
        >>> heard, live.given, live.cancelled
        (['Hello', 'the end'], 5, True)
    """

    def __init__(self, listener: Callable[[str], object] | None = None) -> None:
        self.listener = listener
        #: Characters of text that were given so far.
        self.given = 0
        #: Whether an answer ended in the middle, after some of its text was given.
        self.broken = False
        # Reentrant: a stream that is collected as garbage cancels, in any thread at any moment.
        self._lock = RLock()
        self._ended = Event()
        self._calls: list[Callable[[], object]] = []

    @property
    def listens(self) -> bool:
        """Whether somebody wants the text in pieces."""
        return self.listener is not None

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more."""
        return self._ended.is_set()

    def text(self, piece: str) -> None:
        """Give the next piece of the text to whoever listens."""
        if self.listener is not None and piece:
            self.given += len(piece)
            self.listener(piece)

    def cancel(self) -> None:
        """End what is under way; once, from whatever thread."""
        with self._lock:
            self._ended.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    @contextmanager
    def on_cancel(self, call: Callable[[], object]) -> Iterator[None]:
        """Have `call` called when this is cancelled within the block, or was before.

        Args:
            call: takes nothing, returns at once; it is called in the thread that cancels.
        """
        with self._lock:
            late = self.cancelled
            if not late:
                self._calls.append(call)
        if late:
            call()
        try:
            yield
        finally:
            with self._lock:
                if call in self._calls:
                    self._calls.remove(call)

    def check(self) -> None:
        """Raise if nobody wants the answer any more.

        Raises:
            asyncio.CancelledError: it is no `Exception`, so that no layer takes it for a
                failure that asking again could heal.
        """
        if self.cancelled:
            # lazy: whoever cancels has loaded it
            from asyncio import CancelledError

            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Wait; less long, and in vain, when this is cancelled meanwhile.

        Raises:
            asyncio.CancelledError: nobody wants the answer any more.
        """
        self._ended.wait(seconds)
        self.check()


def pause(live: Live | None, seconds: float) -> None:
    """Wait for a question that is accompanied, or for one that is not.

    Raises:
        asyncio.CancelledError: nobody wants the answer any more.

    Example:
        >>> pause(None, 0.0)
    """
    (sleep if live is None else live.sleep)(seconds)
