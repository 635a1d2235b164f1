"""The pace of a governor: when the next call may go, and what calls have taught."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import sqlite3

    from opto.llm.signals import Signals

__all__ = ["Limits", "Pace"]

# Requests and tokens a second; None is no limit.
Limits = tuple["float | None", "float | None"]

# Who comes late for a turn, by so many seconds at most, does not delay those behind.
LATE = 0.025
# After a refusal, 5 % slower; then 1 % faster each second, until the limit is there again.
SLOWER, FASTER = 0.95, 0.01
SLOWEST = 1 / 60
# Refusals within this time are one: calls under way did not know of it yet.
ONE_REFUSAL = 1.0
IN_A_ROW = 2
# Seconds of pause after refusals in a row, where the provider asks for none.
A_PAUSE = 1.0
LONGEST_PAUSE = 600.0
# Seconds over which answers are counted to know what gets through.
WINDOW = 10.0


@dataclass
class Pace:
    """What is known at one moment; times are those of `time.monotonic`.

    Args:
        limits: requests and tokens a second that the user allows; None is no limit.
        request: when the next request may go.
        token: when the tokens that were promised so far have been allowed.
        paused: nothing goes before.
        most_requests: the provider's own limit, a second.
        most_tokens: as `most_requests`.
        learned: requests a second that it seems to take; None while nothing was refused.
        slowed: when it was slowed down or sped up last.
        refusals: in a row.
        answers: how many since `since`.
        since: when that count began.
        seen: when this was written.
    """

    TABLE: ClassVar[str] = """
        CREATE TABLE IF NOT EXISTS pace (
            one INTEGER PRIMARY KEY CHECK (one = 1), request REAL NOT NULL, token REAL NOT NULL,
            paused REAL NOT NULL, most_requests REAL, most_tokens REAL, learned REAL,
            slowed REAL NOT NULL, refusals INTEGER NOT NULL, answers REAL NOT NULL,
            since REAL NOT NULL, seen REAL NOT NULL)
        """

    limits: Limits
    request: float = 0.0
    token: float = 0.0
    paused: float = 0.0
    most_requests: float | None = None
    most_tokens: float | None = None
    learned: float | None = None
    slowed: float = 0.0
    refusals: int = 0
    answers: float = 0.0
    since: float = 0.0
    seen: float = 0.0

    @classmethod
    def read(cls, db: sqlite3.Connection, limits: Limits, now: float) -> Pace:
        """What was written last; nothing, where the machine has started anew since then."""
        row = db.execute(f"SELECT {COLUMNS} FROM pace").fetchone()  # noqa: S608 - a constant
        fresh = cls(limits, since=now)
        if row is None:
            return fresh
        pace = cls(limits, *row)
        return fresh if pace.seen > now else pace

    def write(self, db: sqlite3.Connection, now: float) -> None:
        """Keep it."""
        self.seen = now
        values = self.values()
        marks = ", ".join("?" * len(values))
        db.execute(
            f"INSERT OR REPLACE INTO pace (one, {COLUMNS}) VALUES (1, {marks})",  # noqa: S608
            values,
        )

    def values(self) -> tuple[Any, ...]:
        """What is kept of it, in the order of the columns."""
        return tuple(getattr(self, name) for name in KEPT)

    @property
    def requests(self) -> float | None:
        """Requests a second; None where nobody has set a limit."""
        return _least(self.limits[0], self.most_requests, self.learned)

    @property
    def tokens(self) -> float | None:
        """Tokens a second."""
        return _least(self.limits[1], self.most_tokens)

    def take(self, now: float, tokens: int) -> float:
        """Take a turn if it is time for one: 0; else the seconds until it may be."""
        self._speed_up(now)
        rates = self.requests, self.tokens
        first = max(self.paused, self.request if rates[0] else 0.0, self.token if rates[1] else 0.0)
        if first > now:
            return first - now
        if rates[0]:
            self.request = max(self.request, now - LATE) + 1 / rates[0]
        if rates[1]:
            self.token = max(self.token, now - LATE) + tokens / rates[1]
        return 0.0

    def correct(self, tokens: int) -> None:
        """A call had so many tokens more than it was expected to have, or fewer."""
        if self.tokens:
            self.token += tokens / self.tokens

    def learn(self, signals: Signals, now: float) -> None:
        """Take in what a call taught."""
        if signals.requests.limit:
            self.most_requests = signals.requests.limit * SLOWER / 60
        if signals.tokens.limit:
            self.most_tokens = signals.tokens.limit * SLOWER / 60
        pause = max(signals.requests.used_up, signals.tokens.used_up)
        if signals.answered:
            self.refusals = 0
            self._count(now)
        elif signals.refused:
            self.refusals += 1
            self._slow_down(now)
            if self.refusals >= IN_A_ROW:
                pause = max(pause, A_PAUSE if signals.wait is None else signals.wait)
        if pause:
            self.paused = max(self.paused, now + min(pause, LONGEST_PAUSE))

    def _count(self, now: float) -> None:
        if now - self.since > WINDOW:
            # Half of it stays, so that the rate is known right after.
            self.answers /= 2
            self.since = now - WINDOW / 2
        self.answers += 1

    def _slow_down(self, now: float) -> None:
        if self.learned is not None and now - self.slowed < ONE_REFUSAL:
            return
        through = max(self.answers, 1.0) / max(now - self.since, 1.0)
        current = through if self.requests is None else self.requests
        self.learned = max(current * SLOWER, SLOWEST)
        self.slowed = now

    def _speed_up(self, now: float) -> None:
        if self.learned is None or now - self.slowed < ONE_REFUSAL:
            return
        self.learned *= 1 + FASTER * (now - self.slowed)
        self.slowed = now
        limit = _least(self.limits[0], self.most_requests)
        if limit is not None and self.learned >= limit:
            self.learned = None


KEPT = tuple(f.name for f in fields(Pace) if f.name != "limits")
COLUMNS = ", ".join(KEPT)


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
