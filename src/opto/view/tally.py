"""What long work has asked and used so far, and how long it will take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm.types import Reply

__all__ = ["Counts", "Tally"]

# So many of the last steps say how fast the work goes: what came from a record was faster.
RECENT = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """How far some work is.

    Args:
        done: how many steps are done.
        calls: questions that were answered.
        recalled: how many of them from a record.
        failed: questions that were not answered.
        tokens: tokens read and written for what was asked, as far as somebody counted.
        uncounted: calls whose tokens nobody counted.
        usd: US dollars for what was asked, as far as the price is known.
        unpriced: calls whose price nobody knows.
    """

    done: int = 0
    calls: int = 0
    recalled: int = 0
    failed: int = 0
    tokens: int = 0
    uncounted: int = 0
    usd: float = 0.0
    unpriced: int = 0

    def __str__(self) -> str:
        """In words; what is not known is said.

        Example:
            >>> print(Counts(calls=3, recalled=1, tokens=1234, usd=0.0125))
            3 calls (1 from the record) · 1,234 tokens · $0.0125
            >>> print(Counts(calls=1, uncounted=1, unpriced=1))
            1 call · tokens unknown · cost unknown
        """
        calls = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        calls += f" ({self.recalled:,} from the record)" if self.recalled else ""
        calls += f", {self.failed:,} failed" if self.failed else ""
        asked = self.calls - self.recalled
        tokens = _known(f"{self.tokens:,} tokens", "tokens", asked, self.uncounted)
        money = f"${self.usd:,.2f}" if self.usd >= 1 else f"${self.usd:.4f}"
        return f"{calls} · {tokens} · {_known(money, 'cost', asked, self.unpriced)}"


class Tally:
    """Counts that threads change together.

    Args:
        total: how many steps there are; None where nobody knows.
        clock: seconds.

    Example:
        >>> tally = Tally(total=10, clock=iter([0.0, 5.0, 5.0]).__next__)
        >>> tally.advance(2)
        >>> tally.left()
        20.0
    """

    def __init__(self, total: int | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        self.total = total
        self.counts = Counts()
        self._clock = clock
        self._lock = Lock()
        self._steps = deque([(clock(), 0)], maxlen=RECENT)

    def advance(self, steps: int) -> None:
        """So many more steps are done."""
        with self._lock:
            self.counts = replace(self.counts, done=self.counts.done + steps)
            self._steps.append((self._clock(), self.counts.done))

    def answered(self, reply: Reply, usd: float | None) -> None:
        """A question was answered.

        Args:
            reply: the answer.
            usd: what it cost; None where nobody knows it.
        """
        with self._lock:
            now = replace(self.counts, calls=self.counts.calls + 1)
            if reply.recalled:
                self.counts = replace(now, recalled=now.recalled + 1)
                return
            tokens = reply.usage.total_tokens
            self.counts = replace(
                now,
                tokens=now.tokens + tokens,
                uncounted=now.uncounted + (not tokens),
                usd=now.usd + (usd or 0.0),
                unpriced=now.unpriced + (usd is None),
            )

    def failed(self) -> None:
        """A question was not answered."""
        with self._lock:
            self.counts = replace(self.counts, failed=self.counts.failed + 1)

    def left(self) -> float | None:
        """Seconds until all steps are done, about; None where nobody can say."""
        with self._lock:
            first, last = self._steps[0], self._steps[-1]
        if self.total is None or last[1] == first[1]:
            return None
        pace = (last[0] - first[0]) / (last[1] - first[1])
        return max((self.total - last[1]) * pace - (self._clock() - last[0]), 0.0)


def _known(said: str, what: str, calls: int, unknown: int) -> str:
    if not unknown:
        return said
    return f"{what} unknown" if unknown == calls else f"{said} and unknown"
