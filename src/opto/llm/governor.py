"""A governor: how fast models may be asked, by all threads and processes together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING

from opto.errors import ArgumentError
from opto.llm.live import pause
from opto.llm.shared import as_given
from opto.llm.signals import Signals
from opto.llm.turns import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from opto.llm.live import Live
    from opto.llm.pace import Limits, Pace
    from opto.llm.shared import Shared
    from opto.llm.turns import Turns

__all__ = ["Governor", "Turn", "was_sent"]

MINUTE = 60.0
# Clocks, threads and networks are never quite on time: so much of a limit stays unused.
MARGIN = 0.05
# Limits, pauses and refunds may change while a thread sleeps for its turn.
LONGEST_SLEEP = 0.25
# Seconds between two looks of the first who waits for others to end.
LOOK_AGAIN = 0.01
# Marks an exception that came while a call waited.
UNSENT = "_opto_unsent"


@dataclass
class Turn:
    """One call that may be sent.

    Args:
        tokens: how many it was expected to have; None where nobody needed to know.
        used: how many it had; to be set when that is known.
        signals: what it taught; to be set, too.
    """

    tokens: int | None = None
    used: int | None = None
    signals: Signals = field(default_factory=Signals)


@dataclass(frozen=True, kw_only=True, repr=False)
class Governor:
    """Limits for all models that share it, held before a provider has to refuse.

    The threads of a process take their turns in the order of coming, and processes by
    chance; turns lie evenly in time, without bursts. 5 % of a limit stay unused, since no clock
    or network is exact. A provider's headers can lower the limits: what ``x-ratelimit-limit-...``
    says, a pause while ``x-ratelimit-remaining-...`` is 0, a slower pace after a 429
    (5 % less, and 1 % more each second after), a pause of ``Retry-After`` after two in a row.
    Without limits, it finds a pace by what gets through.

    Args:
        requests_per_minute: attempts a minute; None for no limit but the provider's.
        tokens_per_minute: tokens read and written a minute.
        concurrent: calls under way at the same time.
        path: a SQLite file; every governor of that path, in all processes of this
            machine, is the same. A process that is killed leaves no lock; its calls
            under way count for up to a minute more. None for this process alone.

    Raises:
        ArgumentError: a limit is not a number above zero.

    Example:
        >>> governor = Governor(requests_per_minute=60_000, concurrent=2)
        >>> with governor.turn() as turn:
        ...     turn.used = 120

    Source: issue 4, point 2.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrent: int | None = None
    path: str | PathLike[str] | None = None
    _turns: Turns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "concurrent"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < float("inf"):
                raise ArgumentError(f"Governor({name}=...) must be above zero, not {limit!r}")
        object.__setattr__(self, "_turns", kept(self.path))

    def __repr__(self) -> str:
        return as_given(self)

    @contextmanager
    def turn(self, tokens: Callable[[], int] = int, live: Live | None = None) -> Iterator[Turn]:
        """Wait until a call may be sent; what it taught is taken in when it is over.

        Args:
            tokens: says how many tokens the call will have, about; it is asked only where
                tokens are limited.
            live: what accompanies the call; when it is cancelled, waiting ends.

        Raises:
            StoreError: the file cannot be used.
            asyncio.CancelledError: nobody wants the answer any more.
        """
        turn, seat = Turn(), None
        try:
            with _nothing_sent():
                if self.tokens_per_minute is not None:
                    turn.tokens = tokens()
                seat = self._turns.at_once(self._limits, self.concurrent, turn.tokens)
                if seat is None:
                    if self.concurrent is not None:
                        seat = self._sit_down(self.concurrent, live)
                    self._wait_for_turn(turn, tokens, live)
            yield turn
        finally:
            self._end(turn, seat)

    def _wait_for_turn(self, turn: Turn, tokens: Callable[[], int], live: Live | None) -> None:
        if turn.tokens is None and self.pace.tokens is not None:
            turn.tokens = tokens()
        # One of each process looks for a turn, and whoever is awake takes it: a turn that
        # was promised to a thread that the machine lets sleep would be lost.
        with self._shared.line.first(live):
            while (seconds := self._take(turn.tokens or 0)) > 0:
                pause(live, min(seconds, LONGEST_SLEEP))

    def _take(self, tokens: int) -> float:
        """Take a turn if it is time; else the seconds until it may be."""
        with self._turns.pace(self._limits) as pace:
            return pace.take(monotonic(), tokens)

    def _end(self, turn: Turn, seat: int | None) -> None:
        with self._turns.pace(self._limits) as pace:
            if turn.used is not None:
                pace.correct(turn.used - (turn.tokens or 0))
            pace.learn(turn.signals, monotonic())
        if seat:
            self._turns.get_up(seat)
            self._shared.announce()

    @property
    def pace(self) -> Pace:
        """What it knows now."""
        with self._turns.pace(self._limits) as pace:
            return replace(pace)

    @property
    def _shared(self) -> Shared:
        return self._turns.shared

    @property
    def _limits(self) -> Limits:
        return _a_second(self.requests_per_minute), _a_second(self.tokens_per_minute)

    def _sit_down(self, seats: int, live: Live | None) -> int:
        """Wait, in the order of coming, until fewer than `seats` calls are before this one."""
        seat = self._turns.sit_down()
        try:
            while (ahead := self._turns.ahead(seat)) >= seats:
                # Who is far from his turn looks less often.
                self._shared.wait(min(1.0, LOOK_AGAIN * (ahead - seats + 1)))
                if live is not None:
                    live.check()
        except BaseException:
            self._turns.get_up(seat)
            raise
        return seat


def was_sent(error: BaseException) -> bool:
    """Whether a call that ended like this had come to its turn.

    Example:
        >>> was_sent(TimeoutError())
        True
    """
    return not getattr(error, UNSENT, False)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Mark what ends the waiting, for whoever has set money aside for the call."""
    try:
        yield
    except BaseException as error:
        setattr(error, UNSENT, True)
        raise


def _a_second(limit: float | None) -> float | None:
    return None if limit is None else limit * (1 - MARGIN) / MINUTE
